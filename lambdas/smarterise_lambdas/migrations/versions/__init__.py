"""The steps, in order; each is the SQL file of its name. A step that was released is never changed."""

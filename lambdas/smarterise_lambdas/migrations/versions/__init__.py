"""The migrations in order, each with its SQL file. A released migration is never changed."""

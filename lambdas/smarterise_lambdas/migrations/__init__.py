"""PostgreSQL's schema, step by step. Not a model of it: the tables are what the SQL beside each step says."""

"""The schema for the functions, and the upkeep of the database: run by deployments, and by a schedule."""

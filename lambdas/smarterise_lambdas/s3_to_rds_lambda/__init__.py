"""Loads log files from the data lake into PostgreSQL and publishes their metrics to CloudWatch."""

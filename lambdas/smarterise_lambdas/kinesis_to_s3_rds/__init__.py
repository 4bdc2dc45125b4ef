"""Loads stream records into the data lake, PostgreSQL and CloudWatch."""

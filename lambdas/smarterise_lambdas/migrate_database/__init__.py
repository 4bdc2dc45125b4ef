"""Migrates the database schema on deployment, and maintains the database on a schedule."""

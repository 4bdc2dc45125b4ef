"""Migrations of the PostgreSQL schema, written in SQL."""

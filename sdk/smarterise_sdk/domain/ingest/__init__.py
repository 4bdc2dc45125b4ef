"""Ingest: status, gaps, sweep reports, quarantine, and the API of ingest-manager."""

"""Services for ingest: status, gaps, backfill and quarantine."""

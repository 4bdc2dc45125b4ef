"""Serves ingest queries of operators: received data, gaps, file ledger and quarantine."""

"""Answers operators about the ingest pipeline: what came, what is missing, what is in the quarantine."""

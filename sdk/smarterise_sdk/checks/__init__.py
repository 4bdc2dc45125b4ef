"""Runbook checks: facts collected once, judged by small pure functions."""

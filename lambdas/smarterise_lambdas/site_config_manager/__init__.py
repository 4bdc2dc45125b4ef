"""Reads and changes site-tiers.json on behalf of every caller."""

"""Services for sites: read, plan, apply, verify, repair."""

"""Changes from the command line: input formats and the workflow of a write."""

"""The servers of the embedded stack: PostgreSQL and FTP, their processes and ports."""

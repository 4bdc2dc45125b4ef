"""Copies the gateways' log files from FTP servers to the data lake, unmodified."""

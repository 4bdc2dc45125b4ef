"""What is true of sites, readings and metrics without asking anyone: no I/O, no AWS, no clock."""

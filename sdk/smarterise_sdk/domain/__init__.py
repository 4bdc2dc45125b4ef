"""Domain model of sites, readings and metrics: pure functions without I/O, AWS calls or clock."""

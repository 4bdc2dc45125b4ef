"""The fleet as the console holds it: rows, filter, sort, columns. No widget, no I/O."""

"""Log files of meters: names, dialects, rows, rejects and clocks."""

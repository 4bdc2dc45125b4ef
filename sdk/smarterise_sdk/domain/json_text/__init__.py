"""JSON as text: its types, strict and lenient parsing, positions in it."""

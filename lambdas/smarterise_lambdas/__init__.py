"""The functions of the stack: thin handlers over plain logic."""

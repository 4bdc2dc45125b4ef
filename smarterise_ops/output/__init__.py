"""Output of commands: formats, rendering, protection against CSV injection."""

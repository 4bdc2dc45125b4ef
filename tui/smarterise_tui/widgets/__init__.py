"""Widgets that know how to draw, not what it means."""

"""Texts of the console: plans, history and sites as lines."""

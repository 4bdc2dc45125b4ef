"""Selects and runs the tests that a change may affect: `python -m tools.changed_tests`."""

"""Alarms from SNS to letters that a person can act on: what belongs together in one, each alarm once."""

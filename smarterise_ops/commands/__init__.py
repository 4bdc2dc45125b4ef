"""The command groups; each module is imported when its group is used."""

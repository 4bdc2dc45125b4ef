"""The command groups. Each module is imported only when its group is used."""

"""Sends one notification e-mail for alarms that belong together, received through SNS."""

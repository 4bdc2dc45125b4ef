"""The stack around the sites: names, alarms, schedules and drift."""

"""The simulated fleet: measurements, MQTT payloads, log files, and their senders."""

"""Readings: parameters, MQTT payloads, quality, metrics and number formats."""

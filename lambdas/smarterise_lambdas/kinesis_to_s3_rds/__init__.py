"""The IoT path: stream records to the raw lake, PostgreSQL and CloudWatch."""

"""The files' path: log files that came to S3, to rows in PostgreSQL and metrics in CloudWatch."""

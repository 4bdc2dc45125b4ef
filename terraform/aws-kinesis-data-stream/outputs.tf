output "name" {
  description = "Name of the stream."
  value       = aws_kinesis_stream.this.name
}

output "arn" {
  description = "ARN of the stream."
  value       = aws_kinesis_stream.this.arn
}

output "is_provisioned" {
  description = "Whether the stream is provisioned with a fixed number of shards."
  value       = var.shard_count != null
}

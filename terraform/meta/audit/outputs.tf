output "trail_arn" {
  description = "ARN of the trail."
  value       = aws_cloudtrail.this.arn
}

output "bucket_name" {
  description = "Bucket of what is recorded."
  value       = module.bucket.name
}

output "rule_names" {
  description = "Names of the AWS Config rules."
  value       = [for rule in aws_config_config_rule.promise : rule.name]
}

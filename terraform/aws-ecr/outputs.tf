output "repository_urls" {
  description = "What images are pushed to and pulled from, by the repository's name."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "repository_arns" {
  description = "ARNs of the repositories by name, for the roles that push and pull."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.arn }
}

output "findings_rule_name" {
  description = "Rule that tells of faulty images."
  value       = aws_cloudwatch_event_rule.findings.name
}

output "repository_urls" {
  description = "Repository URLs by repository name."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "repository_arns" {
  description = "ARNs of the repositories by name, for the roles that push and pull."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.arn }
}

output "findings_rule_name" {
  description = "Rule for scan findings."
  value       = aws_cloudwatch_event_rule.findings.name
}

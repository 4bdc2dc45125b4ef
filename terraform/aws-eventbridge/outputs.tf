output "rule_arns" {
  description = "ARNs of the rules by their names."
  value = merge(
    { for name, rule in aws_cloudwatch_event_rule.schedule : name => rule.arn },
    { for name, rule in aws_cloudwatch_event_rule.notice : name => rule.arn },
  )
}

output "dead_letter_queue" {
  description = "Queue that keeps events which could not be delivered."
  value       = aws_sqs_queue.undelivered.name
}

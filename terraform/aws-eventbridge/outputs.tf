output "rule_arns" {
  description = "ARNs of the rules by name."
  value = merge(
    { for name, rule in aws_cloudwatch_event_rule.schedule : name => rule.arn },
    { for name, rule in aws_cloudwatch_event_rule.notice : name => rule.arn },
  )
}

output "dead_letter_queue" {
  description = "Dead-letter queue of events that could not be delivered."
  value       = aws_sqs_queue.undelivered.name
}

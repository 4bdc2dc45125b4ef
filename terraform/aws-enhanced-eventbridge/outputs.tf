output "rules" {
  description = "Rules by tier: name, ARN and schedule."
  value = {
    for tier, rule in aws_cloudwatch_event_rule.this :
    tier => { name = rule.name, arn = rule.arn, schedule = rule.schedule_expression }
  }
}

output "dead_letter_queue" {
  description = "Dead-letter queue of sweeps that could not be started."
  value       = aws_sqs_queue.undelivered.name
}

output "rules" {
  description = "The rules by tier: name, ARN and schedule."
  value = {
    for tier, rule in aws_cloudwatch_event_rule.this :
    tier => { name = rule.name, arn = rule.arn, schedule = rule.schedule_expression }
  }
}

output "dead_letter_queue" {
  description = "Queue that keeps sweeps which could not be started."
  value       = aws_sqs_queue.undelivered.name
}

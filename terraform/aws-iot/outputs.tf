output "thing_arns" {
  description = "ARNs of the things by gateway serial."
  value       = { for serial, thing in aws_iot_thing.this : serial => thing.arn }
}

output "policy_names" {
  description = "Names of the devices' policies by gateway serial: attach a certificate to the one of its gateway."
  value       = { for serial, policy in aws_iot_policy.gateway : serial => policy.name }
}

output "certificate_arns" {
  description = "ARNs of the devices' certificates by gateway serial, as far as there were signing requests."
  value       = { for serial, certificate in aws_iot_certificate.this : serial => certificate.arn }
}

output "topic_rule_name" {
  description = "Name of the rule that puts readings on the stream."
  value       = aws_iot_topic_rule.this.name
}

output "topic_rule_arn" {
  description = "ARN of the rule that puts readings on the stream."
  value       = aws_iot_topic_rule.this.arn
}

output "log_group" {
  description = "Log group of AWS IoT."
  value       = aws_cloudwatch_log_group.this.name
}

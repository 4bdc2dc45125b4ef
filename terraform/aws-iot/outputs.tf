output "thing_arns" {
  description = "ARNs of the things by gateway serial."
  value       = { for serial, thing in aws_iot_thing.this : serial => thing.arn }
}

output "policy_names" {
  description = "Names of the device policies by gateway serial, to attach certificates to."
  value       = { for serial, policy in aws_iot_policy.gateway : serial => policy.name }
}

output "certificate_arns" {
  description = "ARNs of the device certificates by gateway serial, for gateways with a signing request."
  value       = { for serial, certificate in aws_iot_certificate.this : serial => certificate.arn }
}

output "topic_rule_name" {
  description = "Name of the topic rule that writes readings to the stream."
  value       = aws_iot_topic_rule.this.name
}

output "topic_rule_arn" {
  description = "ARN of the topic rule that writes readings to the stream."
  value       = aws_iot_topic_rule.this.arn
}

output "log_group" {
  description = "Log group of AWS IoT."
  value       = aws_cloudwatch_log_group.this.name
}

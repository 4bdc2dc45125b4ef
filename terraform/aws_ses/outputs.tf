output "alert_topic_name" {
  description = "Name of the topic of alerts."
  value       = aws_sns_topic.alerts.name
}

output "alert_topic_arn" {
  description = "ARN of the topic of alerts."
  value       = aws_sns_topic.alerts.arn
}

output "sender" {
  description = "Address that letters are sent from."
  value       = "${var.sender}@${var.domain}"
}

output "sending_arns" {
  description = "What a function must be allowed to send by: the identity, and the configuration set that is its default."
  value       = [aws_sesv2_email_identity.this.arn, aws_sesv2_configuration_set.this.arn]
}

output "configuration_set" {
  description = "Name of the configuration set."
  value       = aws_sesv2_configuration_set.this.configuration_set_name
}

output "dkim_tokens" {
  description = "Tokens of DKIM: each is a CNAME <token>._domainkey.<domain> to <token>.dkim.amazonses.com."
  value       = aws_sesv2_email_identity.this.dkim_signing_attributes[0].tokens
}

output "mail_from_domain" {
  description = "Domain that bounces go to: it needs an MX and an SPF record."
  value       = aws_sesv2_email_identity_mail_from_attributes.this.mail_from_domain
}

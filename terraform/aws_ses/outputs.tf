output "alert_topic_name" {
  description = "Name of the alert topic."
  value       = aws_sns_topic.alerts.name
}

output "alert_topic_arn" {
  description = "ARN of the alert topic."
  value       = aws_sns_topic.alerts.arn
}

output "sender" {
  description = "Sender address of notification e-mails."
  value       = "${var.sender}@${var.domain}"
}

output "sending_arns" {
  description = "ARNs for ses:SendEmail: the identity and its default configuration set."
  value       = [aws_sesv2_email_identity.this.arn, aws_sesv2_configuration_set.this.arn]
}

output "configuration_set" {
  description = "Name of the configuration set."
  value       = aws_sesv2_configuration_set.this.configuration_set_name
}

output "dkim_tokens" {
  description = "DKIM tokens: each is a CNAME <token>._domainkey.<domain> to <token>.dkim.amazonses.com."
  value       = aws_sesv2_email_identity.this.dkim_signing_attributes[0].tokens
}

output "mail_from_domain" {
  description = "MAIL FROM domain for bounces: it needs an MX and an SPF record."
  value       = aws_sesv2_email_identity_mail_from_attributes.this.mail_from_domain
}

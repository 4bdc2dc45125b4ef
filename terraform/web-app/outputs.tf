output "distribution" {
  description = "CloudFront domain and zone, for the alias record."
  value = {
    id          = aws_cloudfront_distribution.this.id
    arn         = aws_cloudfront_distribution.this.arn
    domain_name = aws_cloudfront_distribution.this.domain_name
    zone_id     = aws_cloudfront_distribution.this.hosted_zone_id
  }
}

output "target_group_arn" {
  description = "Target group of the web application's tasks."
  value       = aws_lb_target_group.this.arn

  # A service needs a target group with a listener.
  depends_on = [aws_lb_listener.https]
}

output "request_count_label" {
  description = "Resource label for scaling by requests."
  value       = "${aws_lb.this.arn_suffix}/${aws_lb_target_group.this.arn_suffix}"
}

output "load_balancer_arn" {
  description = "ARN of the load balancer."
  value       = aws_lb.this.arn
}

output "load_balancer_dns_name" {
  description = "DNS name of the load balancer in the VPC."
  value       = aws_lb.this.dns_name
}

output "web_acl_arn" {
  description = "ARN of the WAF web ACL."
  value       = aws_wafv2_web_acl.this.arn
}

output "log_bucket" {
  description = "Name and ARN of the log bucket."
  value       = { name = module.logs.name, arn = module.logs.arn }
}

output "url" {
  description = "URL of the web application."
  value       = "https://${var.domain}"
}

output "distribution" {
  description = "What the domain's address must lead to."
  value = {
    id          = aws_cloudfront_distribution.this.id
    arn         = aws_cloudfront_distribution.this.arn
    domain_name = aws_cloudfront_distribution.this.domain_name
    zone_id     = aws_cloudfront_distribution.this.hosted_zone_id
  }
}

output "target_group_arn" {
  description = "What tasks of the web application register with."
  value       = aws_lb_target_group.this.arn

  # A service is refused while no load balancer sends to its group.
  depends_on = [aws_lb_listener.https]
}

output "request_count_label" {
  description = "What scaling by requests calls load balancer and group."
  value       = "${aws_lb.this.arn_suffix}/${aws_lb_target_group.this.arn_suffix}"
}

output "load_balancer_arn" {
  description = "ARN of the load balancer."
  value       = aws_lb.this.arn
}

output "load_balancer_dns_name" {
  description = "Name of the load balancer inside of the network."
  value       = aws_lb.this.dns_name
}

output "web_acl_arn" {
  description = "ARN of the firewall at the edge."
  value       = aws_wafv2_web_acl.this.arn
}

output "log_bucket" {
  description = "Name and ARN of the bucket of logs."
  value       = { name = module.logs.name, arn = module.logs.arn }
}

output "url" {
  description = "Where the web application is."
  value       = "https://${var.domain}"
}

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_lb" {
    override_during = plan
    defaults        = { arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/smarterise-web/1", arn_suffix = "app/smarterise-web/1", dns_name = "internal-web.elb.amazonaws.com" }
  }
  mock_resource "aws_lb_target_group" {
    override_during = plan
    defaults        = { arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1", arn_suffix = "targetgroup/web/1" }
  }
  mock_resource "aws_wafv2_web_acl" {
    override_during = plan
    defaults        = { arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/smarterise-web/1" }
  }
  mock_resource "aws_cloudfront_vpc_origin" {
    override_during = plan
    defaults        = { id = "vo_1" }
  }
}

variables {
  place  = { account_id = "123456789012", region = "eu-west-1", partition = "aws" }
  domain = "dev.demo.powersmarter.net"
  certificate_arns = {
    cloudfront    = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    load_balancer = "arn:aws:acm:eu-west-1:123456789012:certificate/2"
  }
  network            = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], security_group_id = "sg-1" }
  log_bucket_name    = "aws-waf-logs-smarterise-dev"
  log_retention_days = 90
  alert_topic_arn    = "arn:aws:sns:eu-west-1:123456789012:smarterise-alerts"
}

run "nobody_passes_by_the_firewall" {
  command = plan

  assert {
    condition     = aws_lb.this.internal && one(one(aws_cloudfront_distribution.this.origin).vpc_origin_config).vpc_origin_id == "vo_1"
    error_message = "The load balancer must be private, and CloudFront reach it privately."
  }
  assert {
    condition     = aws_cloudfront_distribution.this.web_acl_id == aws_wafv2_web_acl.this.arn && aws_wafv2_web_acl.this.scope == "CLOUDFRONT" && aws_wafv2_web_acl.this.region == "us-east-1"
    error_message = "The firewall must be before CloudFront."
  }
}

run "everything_goes_by_tls" {
  command = plan

  assert {
    condition     = aws_lb_listener.https.protocol == "HTTPS" && aws_lb_listener.https.certificate_arn == var.certificate_arns.load_balancer
    error_message = "The load balancer must speak TLS alone."
  }
  assert {
    condition     = aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021" && aws_cloudfront_distribution.this.default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https"
    error_message = "Browsers must be led to TLS."
  }
  assert {
    condition     = aws_cloudfront_distribution.this.aliases == toset(["dev.demo.powersmarter.net"])
    error_message = "CloudFront must answer to the domain."
  }
}

run "known_attacks_and_too_many_requests_are_turned_away" {
  command = plan
  variables {
    requests_limit = 500
  }

  assert {
    condition     = length(aws_wafv2_web_acl.this.rule) == 5
    error_message = "A rule of the firewall is missing."
  }
  assert {
    condition     = length(distinct([for rule in aws_wafv2_web_acl.this.rule : rule.priority])) == 5
    error_message = "Each rule must have its own place."
  }
}

run "everything_is_written_down" {
  command = plan

  assert {
    condition     = aws_lb.this.access_logs[0].enabled && aws_lb.this.access_logs[0].bucket == "aws-waf-logs-smarterise-dev" && aws_cloudwatch_log_delivery_source.cloudfront.log_type == "ACCESS_LOGS"
    error_message = "Load balancer and CloudFront must write their logs."
  }
  assert {
    condition     = length(aws_wafv2_web_acl_logging_configuration.this.redacted_fields) == 2
    error_message = "Cookies and tokens must not stand in the log."
  }
}

run "what_others_wire" {
  command = plan

  assert {
    condition     = output.request_count_label == "app/smarterise-web/1/targetgroup/web/1" && output.url == "https://dev.demo.powersmarter.net"
    error_message = "The outputs are not what the service scales by."
  }
  assert {
    condition     = aws_lb_target_group.this.target_type == "ip" && aws_lb_target_group.this.port == 8080
    error_message = "Tasks register by their address."
  }
}

# All at once, as planning this module takes long.
run "wrong_values_are_refused" {
  command = plan
  variables {
    domain          = "powersmarter"
    log_bucket_name = "smarterise-web-logs" # WAF takes no other prefix than its own
    name            = "a-name-that-is-far-longer-than-load-balancers-take"
    health_path     = "healthz"
    price_class     = "cheap"
    requests_limit  = 1
  }
  expect_failures = [
    var.domain, var.log_bucket_name, var.name, var.health_path, var.price_class, var.requests_limit,
  ]
}

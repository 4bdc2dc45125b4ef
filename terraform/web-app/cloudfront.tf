# CloudFront: TLS, caching of immutable files, and a VPC origin for the load balancer.

locals {
  origin = "load-balancer"

  # Managed policies of CloudFront; pages are not cached, and all request headers are forwarded.
  policies = {
    pages  = "Managed-CachingDisabled"
    static = "Managed-CachingOptimized"
  }
}

data "aws_cloudfront_cache_policy" "this" {
  for_each = local.policies

  name = each.value
}

data "aws_cloudfront_origin_request_policy" "everything" {
  name = "Managed-AllViewer"
}

resource "aws_cloudfront_vpc_origin" "this" {
  vpc_origin_endpoint_config {
    name                   = var.name
    arn                    = aws_lb.this.arn
    http_port              = 80
    https_port             = 443
    origin_protocol_policy = "https-only"

    origin_ssl_protocols {
      items    = ["TLSv1.2"]
      quantity = 1
    }
  }

  # CloudFront connects to the origin at once.
  depends_on = [aws_lb_listener.https]
}

resource "aws_cloudfront_response_headers_policy" "this" {
  #checkov:skip=CKV_AWS_259:HSTS is set; preloading affects the whole domain for months and is its owner's decision
  name    = var.name
  comment = "What a browser may not do with pages of ${var.domain}"

  security_headers_config {
    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      override                   = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      referrer_policy = "same-origin"
      override        = true
    }

    # The application may override it.
    content_security_policy {
      content_security_policy = var.content_security_policy
      override                = false
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86:Logs are delivered by CloudWatch vended log delivery, see logs.tf
  #checkov:skip=CKV_AWS_305:The application serves the root path
  #checkov:skip=CKV_AWS_310:There is one origin; multiple regions are described in the docs
  #checkov:skip=CKV2_AWS_47:The Log4j rules are in the managed rules of waf.tf, by for_each
  #checkov:skip=CKV_AWS_374:Operators travel; access depends on the user, not on the country
  enabled         = true
  comment         = "The web application of ${var.domain}"
  aliases         = concat([var.domain], var.alternative_names)
  http_version    = "http2and3"
  is_ipv6_enabled = true
  price_class     = var.price_class
  web_acl_id      = aws_wafv2_web_acl.this.arn

  origin {
    origin_id   = local.origin
    domain_name = aws_lb.this.dns_name

    vpc_origin_config {
      vpc_origin_id            = aws_cloudfront_vpc_origin.this.id
      origin_read_timeout      = 60
      origin_keepalive_timeout = 60
    }
  }

  default_cache_behavior {
    target_origin_id           = local.origin
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = data.aws_cloudfront_cache_policy.this["pages"].id
    origin_request_policy_id   = data.aws_cloudfront_origin_request_policy.everything.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
  }

  dynamic "ordered_cache_behavior" {
    for_each = var.static_paths

    content {
      path_pattern               = ordered_cache_behavior.value
      target_origin_id           = local.origin
      viewer_protocol_policy     = "redirect-to-https"
      allowed_methods            = ["GET", "HEAD"]
      cached_methods             = ["GET", "HEAD"]
      compress                   = true
      cache_policy_id            = data.aws_cloudfront_cache_policy.this["static"].id
      origin_request_policy_id   = data.aws_cloudfront_origin_request_policy.everything.id
      response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arns.cloudfront
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

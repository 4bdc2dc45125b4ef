# Log bucket of load balancer, CloudFront and WAF. WAF requires a name that begins with aws-waf-logs-.

locals {
  load_balancer_prefix = "load-balancer"
  logs_arn             = "arn:${var.place.partition}:s3:::${var.log_bucket_name}"
}

module "logs" {
  source = "../aws-s3/bucket"

  name                         = var.log_bucket_name
  kms_key_arn                  = null # load balancers support only SSE-S3
  noncurrent_days              = 30
  access_log                   = var.access_log
  destroy_with_objects_enabled = var.destroy_with_logs_enabled
  policy_json                  = [data.aws_iam_policy_document.logs.json]

  lifecycle_rules = {
    everything = { prefix = "", expiration_days = var.log_retention_days }
  }
}

data "aws_iam_policy_document" "logs" {
  statement {
    sid       = "LoadBalancerLogs"
    actions   = ["s3:PutObject"]
    resources = ["${local.logs_arn}/${local.load_balancer_prefix}/AWSLogs/${var.place.account_id}/*"]

    principals {
      type        = "Service"
      identifiers = ["logdelivery.elasticloadbalancing.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${var.place.partition}:elasticloadbalancing:${var.place.region}:${var.place.account_id}:loadbalancer/*"]
    }
  }

  statement {
    sid       = "CloudFrontAndWafLogs"
    actions   = ["s3:PutObject"]
    resources = ["${local.logs_arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["delivery.logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.place.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${var.place.partition}:logs:${local.waf_region}:${var.place.account_id}:*"]
    }
  }

  statement {
    sid       = "LogDeliveryAclCheck"
    actions   = ["s3:GetBucketAcl", "s3:ListBucket"]
    resources = [local.logs_arn]

    principals {
      type        = "Service"
      identifiers = ["delivery.logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.place.account_id]
    }
  }
}

resource "aws_cloudwatch_log_delivery_source" "cloudfront" {
  region       = local.waf_region
  name         = var.name
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
}

resource "aws_cloudwatch_log_delivery_destination" "cloudfront" {
  region        = local.waf_region
  name          = var.name
  output_format = "json"

  delivery_destination_configuration {
    destination_resource_arn = "${module.logs.arn}/cloudfront"
  }
}

resource "aws_cloudwatch_log_delivery" "cloudfront" {
  region                   = local.waf_region
  delivery_source_name     = aws_cloudwatch_log_delivery_source.cloudfront.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.cloudfront.arn

  depends_on = [module.logs]
}

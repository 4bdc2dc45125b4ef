# CloudTrail with log file validation, in a bucket of its own.

locals {
  trail_prefix  = "cloudtrail"
  config_prefix = "config"

  bucket_arn = "arn:${var.place.partition}:s3:::${var.bucket_name}"
  trail_arn  = "arn:${var.place.partition}:cloudtrail:${var.place.region}:${var.place.account_id}:trail/${var.name}"
}

module "bucket" {
  source = "../../aws-s3/bucket"

  name                         = var.bucket_name
  kms_key_arn                  = var.kms_key_arn
  noncurrent_days              = 90
  access_log                   = var.access_log
  destroy_with_objects_enabled = var.destroy_with_logs_enabled
  policy_json                  = [data.aws_iam_policy_document.bucket.json]

  lifecycle_rules = {
    everything = { prefix = "", infrequent_access_days = 90, expiration_days = var.retention_days }
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "CloudTrailAclCheck"
    actions   = ["s3:GetBucketAcl"]
    resources = [local.bucket_arn]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }
  }

  statement {
    sid       = "CloudTrailWrite"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/${local.trail_prefix}/AWSLogs/${var.place.account_id}/*"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }
  }
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_252:EventBridge reports important events; a message per log file is not useful
  #checkov:skip=CKV2_AWS_10:EventBridge reports important events, and logs are queried with Athena
  name                          = var.name
  s3_bucket_name                = module.bucket.name
  s3_key_prefix                 = local.trail_prefix
  kms_key_id                    = var.kms_key_arn
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true

  advanced_event_selector {
    name = "what is done to the account"

    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }

  # Functions read these buckets constantly, so only writes are recorded.
  advanced_event_selector {
    name = "who changed an object"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }

    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }

    field_selector {
      field       = "resources.ARN"
      starts_with = [for arn in var.bucket_arns_of_changes : "${arn}/"]
    }

    field_selector {
      field  = "readOnly"
      equals = ["false"]
    }
  }

  advanced_event_selector {
    name = "who read or changed an object"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }

    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }

    field_selector {
      field       = "resources.ARN"
      starts_with = [for arn in var.bucket_arns_of_reads : "${arn}/"]
    }
  }

  # CloudTrail needs the bucket policy.
  depends_on = [module.bucket]
}

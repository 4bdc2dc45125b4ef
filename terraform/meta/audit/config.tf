# AWS Config rules, evaluated at every change. A violation is an event
# "Config Rules Compliance Change", which an EventBridge rule sends to the alert topic.

locals {
  rules = {
    buckets-encrypted         = { identifier = "S3_BUCKET_SERVER_SIDE_ENCRYPTION_ENABLED", description = "Every bucket is encrypted" }
    buckets-by-tls-alone      = { identifier = "S3_BUCKET_SSL_REQUESTS_ONLY", description = "Every bucket requires TLS" }
    buckets-private           = { identifier = "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED", description = "No bucket can be made public" }
    buckets-versioned         = { identifier = "S3_BUCKET_VERSIONING_ENABLED", description = "Every bucket is versioned" }
    database-encrypted        = { identifier = "RDS_STORAGE_ENCRYPTED", description = "The database is encrypted" }
    database-private          = { identifier = "RDS_INSTANCE_PUBLIC_ACCESS_CHECK", description = "The database has no public address" }
    database-backed-up        = { identifier = "DB_INSTANCE_BACKUP_ENABLED", description = "The database is backed up" }
    functions-private         = { identifier = "LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED", description = "No function can be invoked publicly" }
    default-group-closed      = { identifier = "VPC_DEFAULT_SECURITY_GROUP_CLOSED", description = "The default security group of a VPC allows no traffic" }
    no-policy-allows-all      = { identifier = "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS", description = "No policy allows everything" }
    network-traffic-logged    = { identifier = "VPC_FLOW_LOGS_ENABLED", description = "Every VPC has a flow log", frequency = "TwentyFour_Hours" }
    trail-in-every-region     = { identifier = "MULTI_REGION_CLOUD_TRAIL_ENABLED", description = "The trail covers every region", frequency = "TwentyFour_Hours" }
    owner-has-a-second-factor = { identifier = "ROOT_ACCOUNT_MFA_ENABLED", description = "The root user has MFA", frequency = "TwentyFour_Hours" }
  }
}

resource "aws_config_configuration_recorder" "this" {
  name     = var.name
  role_arn = aws_iam_role.recorder.arn

  recording_group {
    all_supported                 = true
    include_global_resource_types = true
  }

  recording_mode {
    recording_frequency = "CONTINUOUS"
  }
}

resource "aws_config_delivery_channel" "this" {
  name           = var.name
  s3_bucket_name = module.bucket.name
  s3_key_prefix  = local.config_prefix
  s3_kms_key_arn = var.kms_key_arn

  snapshot_delivery_properties {
    delivery_frequency = "TwentyFour_Hours"
  }

  depends_on = [aws_config_configuration_recorder.this, aws_iam_role_policy.recorder]
}

resource "aws_config_configuration_recorder_status" "this" {
  name       = aws_config_configuration_recorder.this.name
  is_enabled = true

  # A recorder cannot start without a delivery channel.
  depends_on = [aws_config_delivery_channel.this]
}

resource "aws_config_config_rule" "promise" {
  for_each = local.rules

  name                        = "${var.name}-${each.key}"
  description                 = each.value.description
  maximum_execution_frequency = try(each.value.frequency, null)

  source {
    owner             = "AWS"
    source_identifier = each.value.identifier
  }

  depends_on = [aws_config_configuration_recorder_status.this]
}

resource "aws_iam_role" "recorder" {
  name               = "${var.name}-config-recorder-role"
  description        = "Permissions of the AWS Config recorder"
  assume_role_policy = data.aws_iam_policy_document.recorder_trust.json
}

data "aws_iam_policy_document" "recorder_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["config.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.place.account_id]
    }
  }
}

# AWS managed policy, which AWS extends with new resource types.
resource "aws_iam_role_policy_attachment" "recorder" {
  role       = aws_iam_role.recorder.name
  policy_arn = "arn:${var.place.partition}:iam::aws:policy/service-role/AWS_ConfigRole"
}

resource "aws_iam_role_policy" "recorder" {
  name   = "${var.name}-config-recorder-policy"
  role   = aws_iam_role.recorder.name
  policy = data.aws_iam_policy_document.recorder.json
}

data "aws_iam_policy_document" "recorder" {
  statement {
    sid       = "WriteConfigRecords"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/${local.config_prefix}/AWSLogs/${var.place.account_id}/Config/*"]
  }

  statement {
    sid       = "CheckBucketAcl"
    actions   = ["s3:GetBucketAcl", "s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  statement {
    sid       = "UseStackKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.place.region}.amazonaws.com"]
    }
  }
}

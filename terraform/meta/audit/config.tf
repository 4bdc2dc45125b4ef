# What the stack promises, looked at by AWS Config whenever something changes. What breaks a promise is an event
# "Config Rules Compliance Change", which a rule of EventBridge tells people of.

locals {
  promises = {
    buckets-encrypted         = { identifier = "S3_BUCKET_SERVER_SIDE_ENCRYPTION_ENABLED", words = "Every bucket is encrypted" }
    buckets-by-tls-alone      = { identifier = "S3_BUCKET_SSL_REQUESTS_ONLY", words = "Every bucket refuses what does not come by TLS" }
    buckets-private           = { identifier = "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED", words = "No bucket can be made public" }
    buckets-versioned         = { identifier = "S3_BUCKET_VERSIONING_ENABLED", words = "Every bucket keeps what is written over" }
    database-encrypted        = { identifier = "RDS_STORAGE_ENCRYPTED", words = "The database is encrypted" }
    database-private          = { identifier = "RDS_INSTANCE_PUBLIC_ACCESS_CHECK", words = "The database has no public address" }
    database-backed-up        = { identifier = "DB_INSTANCE_BACKUP_ENABLED", words = "The database is backed up" }
    functions-private         = { identifier = "LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED", words = "Nobody outside may run a function" }
    default-group-closed      = { identifier = "VPC_DEFAULT_SECURITY_GROUP_CLOSED", words = "The network's default group lets nothing through" }
    no-policy-allows-all      = { identifier = "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS", words = "No policy allows everything" }
    network-traffic-logged    = { identifier = "VPC_FLOW_LOGS_ENABLED", words = "Traffic of every network is logged", frequency = "TwentyFour_Hours" }
    trail-in-every-region     = { identifier = "MULTI_REGION_CLOUD_TRAIL_ENABLED", words = "What is done in any region is recorded", frequency = "TwentyFour_Hours" }
    owner-has-a-second-factor = { identifier = "ROOT_ACCOUNT_MFA_ENABLED", words = "The account's owner logs in with a second factor", frequency = "TwentyFour_Hours" }
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

  # A recorder that has nowhere to deliver to cannot be started.
  depends_on = [aws_config_delivery_channel.this]
}

resource "aws_config_config_rule" "promise" {
  for_each = local.promises

  name                        = "${var.name}-${each.key}"
  description                 = each.value.words
  maximum_execution_frequency = try(each.value.frequency, null)

  source {
    owner             = "AWS"
    source_identifier = each.value.identifier
  }

  depends_on = [aws_config_configuration_recorder_status.this]
}

resource "aws_iam_role" "recorder" {
  name               = "${var.name}-config-recorder-role"
  description        = "What AWS Config reads of the account, and where it writes that"
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

# Reads the settings of every kind of resource, and so changes with each that AWS adds: AWS keeps this list itself.
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
    sid       = "WriteWhatWasFound"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/${local.config_prefix}/AWSLogs/${var.place.account_id}/Config/*"]
  }

  statement {
    sid       = "LookWhoseTheBucketIs"
    actions   = ["s3:GetBucketAcl", "s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  statement {
    sid       = "UseTheStacksKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.place.region}.amazonaws.com"]
    }
  }
}

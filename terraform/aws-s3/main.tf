# S3 buckets: data lake, query results, device certificates, database exports.

locals {
  objects_of_this_account = "arn:${var.place.partition}:s3:::"
}

module "access_logs" {
  source = "./bucket"

  name                         = var.bucket_names.access_logs
  kms_key_arn                  = null # access log delivery supports only SSE-S3
  noncurrent_days              = 30
  destroy_with_objects_enabled = var.destroy_with_objects_enabled
  policy_json                  = [data.aws_iam_policy_document.access_logs.json]

  lifecycle_rules = {
    everything = { prefix = "", expiration_days = 365 }
  }
}

data "aws_iam_policy_document" "access_logs" {
  statement {
    sid       = "BucketAccessLogs"
    actions   = ["s3:PutObject"]
    resources = ["${local.objects_of_this_account}${var.bucket_names.access_logs}/*"]

    principals {
      type        = "Service"
      identifiers = ["logging.s3.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.place.account_id]
    }
  }
}

module "data_lake" {
  source = "./bucket"

  name                         = var.names.data_lake_bucket
  kms_key_arn                  = var.kms_key_arn
  access_log                   = { bucket = module.access_logs.name }
  destroy_with_objects_enabled = var.destroy_with_objects_enabled

  # raw/ and log files are the source of all other data: moved to cheaper storage, never deleted.
  lifecycle_rules = {
    raw           = { prefix = "raw/", archive_days = var.archive_days }
    ftp-backups   = { prefix = var.ftp_folder, archive_days = var.archive_days }
    quarantine    = { prefix = "quarantine/", infrequent_access_days = var.archive_days }
    iot-errors    = { prefix = "iot-errors/", expiration_days = 365 }
    failed-batch  = { prefix = "aws/lambda/", expiration_days = 365 }
    alarm-notices = { prefix = "alarm-notifier/pending/", expiration_days = 30 }
  }
}

module "athena_results" {
  source = "./bucket"

  name                         = var.bucket_names.athena_results
  kms_key_arn                  = var.kms_key_arn
  noncurrent_days              = 7
  access_log                   = { bucket = module.access_logs.name }
  destroy_with_objects_enabled = true # query results can be recreated

  lifecycle_rules = {
    results = { prefix = "", expiration_days = 30 }
  }
}

module "device_certificates" {
  source = "./bucket"

  name                         = var.bucket_names.device_certificates
  kms_key_arn                  = var.kms_key_arn
  noncurrent_days              = null
  access_log                   = { bucket = module.access_logs.name }
  destroy_with_objects_enabled = var.destroy_with_objects_enabled
}

module "rds_state" {
  source = "./bucket"

  name                         = var.bucket_names.rds_state
  kms_key_arn                  = var.kms_key_arn
  access_log                   = { bucket = module.access_logs.name }
  destroy_with_objects_enabled = var.destroy_with_objects_enabled

  lifecycle_rules = {
    exports = { prefix = "", infrequent_access_days = 30, expiration_days = 400 }
  }
}

# Site switching: the versioned site file with the tier of each site, and the function that changes it and reconciles the stack.

locals {
  key        = var.names.site_config_key
  bucket_arn = "arn:${var.place.partition}:s3:::${var.names.site_config_bucket}"
  file_arn   = "${local.bucket_arn}/${local.key}"

  rule_prefixes = [var.names.critical_rule_prefix, var.names.non_critical_rule_prefix]

  first_file = {
    schema_version = 1
    updated_at     = plantimestamp()
    updated_by     = "terraform"
    reason         = "first deployment"
    sites          = { for serial, site in var.sites : serial => { for field, value in site : field => value if value != null } }
  }
}

module "bucket" {
  source = "../aws-s3/bucket"

  name            = var.names.site_config_bucket
  kms_key_arn     = var.kms_key_arn
  noncurrent_days = null # versions are the change history
  access_log      = var.access_log

  destroy_with_objects_enabled = var.destroy_with_objects_enabled

  policy_json = [data.aws_iam_policy_document.bucket.json]
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "ManagerReadWrite"
    actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    resources = [local.file_arn]

    principals {
      type        = "AWS"
      identifiers = [module.manager.role_arn]
    }
  }

  # The manager may write only conditionally. Operators may upload the file by hand, as in the guide.
  statement {
    sid       = "ManagerConditionalWritesOnly"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = [local.file_arn]

    principals {
      type        = "AWS"
      identifiers = [module.manager.role_arn]
    }

    condition {
      test     = "Null"
      variable = "s3:if-match"
      values   = ["true"]
    }

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["true"]
    }
  }

  statement {
    sid       = "DenyVersionDeletion"
    effect    = "Deny"
    actions   = ["s3:DeleteObjectVersion"]
    resources = ["${local.bucket_arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

resource "aws_s3_object" "first_file" {
  bucket       = module.bucket.name
  key          = local.key
  content      = "${jsonencode(local.first_file)}\n"
  content_type = "application/json"

  lifecycle {
    # Operators own the file after its creation: Terraform ignores changes.
    ignore_changes = all
  }

  # The initial file invokes the manager too, which reconciles the stack.
  depends_on = [aws_s3_bucket_notification.this]
}

module "manager" {
  source = "../aws-lambda/function"

  name               = var.names.site_config_manager
  description        = "Reads and changes ${local.key}, and reconciles the stack with it"
  handler            = var.function.handler
  package_path       = var.package_path
  timeout_seconds    = var.function.timeout_seconds
  memory_mb          = coalesce(var.memory_mb, var.function.memory_mb)
  policy_json        = data.aws_iam_policy_document.manager.json
  log_retention_days = var.log_retention_days
  kms_key_arn        = var.kms_key_arn

  environment = {
    SITE_CONFIG_BUCKET       = var.names.site_config_bucket
    SITE_CONFIG_KEY          = local.key
    ALARM_PREFIX             = var.names.alarm_prefix
    CRITICAL_RULE_PREFIX     = var.names.critical_rule_prefix
    NON_CRITICAL_RULE_PREFIX = var.names.non_critical_rule_prefix
    FTP_FUNCTION             = var.names.ftp_to_s3
  }
}

data "aws_iam_policy_document" "manager" {
  #checkov:skip=CKV_AWS_356:Two list calls support no resource, see below
  statement {
    sid       = "ReadWriteSiteFile"
    actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    resources = [local.file_arn]
  }

  statement {
    sid       = "ListVersions"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning"]
    resources = [local.bucket_arn]
  }

  statement {
    sid       = "DescribeAlarmsAndSchedules"
    actions   = ["cloudwatch:DescribeAlarms", "events:ListRules"]
    resources = ["*"] # neither call supports resource-level permissions
  }

  statement {
    sid       = "SwitchSiteAlarms"
    actions   = ["cloudwatch:EnableAlarmActions", "cloudwatch:DisableAlarmActions"]
    resources = ["arn:${var.place.partition}:cloudwatch:${var.place.region}:${var.place.account_id}:alarm:${var.names.alarm_prefix}-*"]
  }

  statement {
    sid     = "EnableSchedules"
    actions = ["events:ListTargetsByRule", "events:EnableRule"]
    resources = [
      for prefix in local.rule_prefixes :
      "arn:${var.place.partition}:events:${var.place.region}:${var.place.account_id}:rule/${prefix}*"
    ]
  }

  statement {
    sid       = "UseSiteFileKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.place.region}.amazonaws.com"]
    }
  }
}

# Every new version of the file invokes the manager.
resource "aws_lambda_permission" "uploads" {
  statement_id   = "uploads-of-the-site-file"
  action         = "lambda:InvokeFunction"
  function_name  = module.manager.name
  principal      = "s3.amazonaws.com"
  source_arn     = module.bucket.arn
  source_account = var.place.account_id
}

resource "aws_s3_bucket_notification" "this" {
  bucket      = module.bucket.name
  eventbridge = true # required by AWS Backup, which would otherwise enable it and cause drift

  lambda_function {
    id                  = "the-site-file"
    lambda_function_arn = module.manager.arn
    events              = ["s3:ObjectCreated:*"]
    # There is no filter for one key, only for prefix and suffix.
    filter_prefix = local.key
    filter_suffix = local.key
  }

  depends_on = [aws_lambda_permission.uploads]
}

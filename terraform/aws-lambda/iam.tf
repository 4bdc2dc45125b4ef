# Least-privilege policies, compared with recorded calls. See docs/decisions/0083-least-privilege-is-compared-with-recorded-calls.md

locals {
  site_file_arn = "${var.site_config.bucket_arn}/${var.site_config.key}"
  via = {
    for service in ["s3", "kinesis", "secretsmanager"] :
    service => "${service}.${var.place.region}.amazonaws.com"
  }
}

data "aws_iam_policy_document" "read_site_file" {
  statement {
    sid       = "ReadSiteFile"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = [local.site_file_arn]
  }

  statement {
    sid       = "ListVersionsForFallback"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions"]
    resources = [var.site_config.bucket_arn]
  }
}

data "aws_iam_policy_document" "publish_metrics" {
  #checkov:skip=CKV_AWS_356:PutMetricData and GetMetricData support no resources, see below
  #checkov:skip=CKV_AWS_111:PutMetricData and GetMetricData support no resources, see below
  statement {
    sid       = "PublishMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"] # limited by namespace, as metrics have no ARN

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [var.names.metric_namespace]
    }
  }
}

data "aws_iam_policy_document" "log_in_to_database" {
  dynamic "statement" {
    for_each = local.is_other_database ? [] : [var.database]

    content {
      sid       = "ConnectToDatabase"
      actions   = ["rds-db:connect"]
      resources = ["arn:${var.place.partition}:rds-db:${var.place.region}:${var.place.account_id}:dbuser:${statement.value.resource_id}/${statement.value.function_user}"]
    }
  }

  dynamic "statement" {
    for_each = aws_secretsmanager_secret.database_url

    content {
      sid       = "ReadDatabaseUrl"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value.arn]
    }
  }
}

data "aws_iam_policy_document" "use_key" {
  for_each = {
    s3               = { actions = ["kms:Decrypt", "kms:GenerateDataKey"], services = [local.via.s3] }
    s3_and_stream    = { actions = ["kms:Decrypt", "kms:GenerateDataKey"], services = [local.via.s3, local.via.kinesis, local.via.secretsmanager] }
    s3_and_secrets   = { actions = ["kms:Decrypt", "kms:GenerateDataKey"], services = [local.via.s3, local.via.secretsmanager] }
    read_and_secrets = { actions = ["kms:Decrypt"], services = [local.via.s3, local.via.secretsmanager] }
    secrets          = { actions = ["kms:Decrypt"], services = [local.via.secretsmanager] }
  }

  statement {
    sid       = "UseStackKey"
    actions   = each.value.actions
    resources = [var.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = each.value.services
    }
  }
}

data "aws_iam_policy_document" "ftp_to_s3" {
  source_policy_documents = [
    data.aws_iam_policy_document.read_site_file.json,
    data.aws_iam_policy_document.use_key["s3_and_secrets"].json,
  ]

  statement {
    sid       = "WriteFilesAndManifests"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${var.data_lake.arn}/${var.ftp_folder}*", "${var.data_lake.arn}/ftp-manifests/*"]
  }

  statement {
    sid       = "ListToDetectMissingObjects"
    actions   = ["s3:ListBucket"] # without it S3 returns "access denied" for a missing object
    resources = [var.data_lake.arn]
  }

  statement {
    sid       = "ReadFtpPassword"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.ftp.arn]
  }
}

data "aws_iam_policy_document" "s3_to_rds" {
  source_policy_documents = [
    data.aws_iam_policy_document.read_site_file.json,
    data.aws_iam_policy_document.publish_metrics.json,
    data.aws_iam_policy_document.log_in_to_database.json,
    data.aws_iam_policy_document.use_key["s3_and_secrets"].json,
  ]

  statement {
    sid       = "ReadFiles"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${var.data_lake.arn}/${var.ftp_folder}*"]
  }

  statement {
    sid       = "ListToDetectMissingObjects"
    actions   = ["s3:ListBucket"] # without it S3 returns "access denied" for a missing object
    resources = [var.data_lake.arn]
  }

  statement {
    sid       = "WriteQuarantine"
    actions   = ["s3:PutObject"]
    resources = ["${var.data_lake.arn}/quarantine/*"]
  }
}

data "aws_iam_policy_document" "kinesis_to_s3_rds" {
  source_policy_documents = [
    data.aws_iam_policy_document.read_site_file.json,
    data.aws_iam_policy_document.publish_metrics.json,
    data.aws_iam_policy_document.log_in_to_database.json,
    data.aws_iam_policy_document.use_key["s3_and_stream"].json,
  ]

  statement {
    sid = "ReadStream"
    actions = [
      "kinesis:DescribeStream",
      "kinesis:DescribeStreamSummary",
      "kinesis:GetRecords",
      "kinesis:GetShardIterator",
      "kinesis:ListShards",
    ]
    resources = [var.stream.arn]
  }

  statement {
    sid       = "WriteRawObjects"
    actions   = ["s3:PutObject"]
    resources = ["${var.data_lake.arn}/raw/*", "${var.data_lake.arn}/quarantine/*"]
  }

  statement {
    sid     = "ReadReplayInput"
    actions = ["s3:GetObject"]
    resources = [
      "${var.data_lake.arn}/raw/source=iot/*",
      "${var.data_lake.arn}/quarantine/source=iot/*",
      "${var.data_lake.arn}/aws/lambda/*", # batches that failed after all retries
    ]
  }

  # Lambda uses this role to write failed batches under its own prefix.
  statement {
    sid       = "WriteFailedBatches"
    actions   = ["s3:PutObject"]
    resources = ["${var.data_lake.arn}/aws/lambda/*"]
  }

  statement {
    sid       = "LambdaCheckBucket"
    actions   = ["s3:ListBucket"]
    resources = [var.data_lake.arn]
  }
}

data "aws_iam_policy_document" "alarm_notifier" {
  #checkov:skip=CKV_AWS_356:PutMetricData and GetMetricData support no resources, see below
  source_policy_documents = [
    data.aws_iam_policy_document.read_site_file.json,
    data.aws_iam_policy_document.use_key["s3"].json,
  ]

  statement {
    sid       = "SendEmail"
    actions   = ["ses:SendEmail"]
    resources = var.mail.identity_arns

    condition {
      test     = "StringEquals"
      variable = "ses:FromAddress"
      values   = [var.mail.sender]
    }
  }

  statement {
    sid       = "ReadLatestValues"
    actions   = ["cloudwatch:GetMetricData"]
    resources = ["*"] # metrics have no ARN, and reads support no condition
  }

  statement {
    sid       = "ReadWriteNotifications"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = ["${var.data_lake.arn}/alarm-notifier/*"]
  }

  statement {
    sid       = "ListNotifications"
    actions   = ["s3:ListBucket"]
    resources = [var.data_lake.arn]
  }
}

data "aws_iam_policy_document" "ingest_manager" {
  source_policy_documents = [
    data.aws_iam_policy_document.log_in_to_database.json,
    data.aws_iam_policy_document.use_key["read_and_secrets"].json,
  ]

  statement {
    sid     = "ReadFilesQuarantineAndSweepReports"
    actions = ["s3:GetObject"]
    resources = [
      "${var.data_lake.arn}/${var.ftp_folder}*",
      "${var.data_lake.arn}/quarantine/*",
      "${var.data_lake.arn}/ftp-manifests/sweep=*",
    ]
  }

  statement {
    sid       = "ListFiles"
    actions   = ["s3:ListBucket"] # without it S3 returns "access denied" for a missing object
    resources = [var.data_lake.arn]
  }
}

data "aws_iam_policy_document" "migrate_database" {
  source_policy_documents = [
    data.aws_iam_policy_document.publish_metrics.json,
    data.aws_iam_policy_document.use_key["secrets"].json,
  ]

  statement {
    sid       = "ReadOwnerPassword"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = local.is_other_database ? aws_secretsmanager_secret.database_url[*].arn : [var.database.master_secret_arn]
  }
}

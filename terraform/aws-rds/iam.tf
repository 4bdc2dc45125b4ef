# Roles of RDS: enhanced monitoring, login through the proxy, snapshot exports.

locals {
  dbuser_arn = "arn:${var.place.partition}:rds-db:${var.place.region}:${var.place.account_id}:dbuser"
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["monitoring.rds.amazonaws.com", "rds.amazonaws.com", "export.rds.amazonaws.com"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.key]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.place.account_id]
    }
  }
}

resource "aws_iam_role" "monitoring" {
  name               = "${var.name}-monitoring-role"
  assume_role_policy = data.aws_iam_policy_document.trust["monitoring.rds.amazonaws.com"].json
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${var.place.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_iam_role" "proxy" {
  count = var.proxy_enabled ? 1 : 0

  name               = "${var.name}-proxy-role"
  assume_role_policy = data.aws_iam_policy_document.trust["rds.amazonaws.com"].json
}

resource "aws_iam_role_policy" "proxy" {
  count = var.proxy_enabled ? 1 : 0

  name   = "${var.name}-proxy-policy"
  role   = aws_iam_role.proxy[0].id
  policy = data.aws_iam_policy_document.proxy.json
}

data "aws_iam_policy_document" "proxy" {
  statement {
    sid       = "ConnectAsClientUser"
    actions   = ["rds-db:connect"]
    resources = [for user in var.iam_users : "${local.dbuser_arn}:${aws_db_instance.this.resource_id}/${user}"]
  }
}

resource "aws_iam_role" "export" {
  name               = "${var.name}-export-role"
  assume_role_policy = data.aws_iam_policy_document.trust["export.rds.amazonaws.com"].json
}

resource "aws_iam_role_policy" "export" {
  name   = "${var.name}-export-policy"
  role   = aws_iam_role.export.id
  policy = data.aws_iam_policy_document.export.json
}

data "aws_iam_policy_document" "export" {
  statement {
    sid       = "WriteExports"
    actions   = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"]
    resources = ["${var.state_bucket.arn}/*"]
  }

  statement {
    sid       = "ListExports"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
    resources = [var.state_bucket.arn]
  }

  statement {
    sid       = "UseStackKey"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
}

# One key for buckets, stream, topics, logs, database and secrets. Services that write
# without a role of the stack are allowed here; roles of the stack are granted access by their policies.

resource "aws_kms_key" "this" {
  description             = "Encrypts the data of the stack ${var.environment}"
  deletion_window_in_days = var.key_deletion_window_days
  enable_key_rotation     = true
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/smarterise-${var.environment}"
  target_key_id = aws_kms_key.this.key_id
}

data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:In a key's own policy the resource "*" is the key itself
  #checkov:skip=CKV_AWS_111:In a key's own policy the resource "*" is the key itself
  #checkov:skip=CKV_AWS_356:In a key's own policy the resource "*" is the key itself
  statement {
    sid       = "EnableIamPolicies"
    actions   = ["kms:*"] # otherwise the key could never be changed; access is controlled by IAM
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
    }
  }

  statement {
    sid       = "LogGroups"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:*"]
    }
  }

  # CloudTrail passes the trail's ARN, not the account.
  statement {
    sid       = "CloudTrailTrails"
    actions   = ["kms:GenerateDataKey", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudtrail:${local.region}:${local.account_id}:trail/*"]
    }
  }

  # EventBridge passes no source account when it uses a topic's key.
  statement {
    sid       = "EventBridgeRules"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }

  statement {
    sid       = "PublishingServices"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type = "Service"
      identifiers = [
        "budgets.amazonaws.com",
        "cloudwatch.amazonaws.com",
        "config.amazonaws.com",
        "costalerts.amazonaws.com",
        "delivery.logs.amazonaws.com",
        "backup.amazonaws.com",
        "events.rds.amazonaws.com",
        "ses.amazonaws.com",
        "sns.amazonaws.com",
      ]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

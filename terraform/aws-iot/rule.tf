locals {
  iot_arn = "arn:${var.place.partition}:iot:${var.place.region}:${var.place.account_id}"
}

# All readings go to the stream. The consumer filters them by tier
# (docs/decisions/0050-tier-filter-where-the-stream-is-read.md). Messages that cannot be written are stored with the error.
resource "aws_iot_topic_rule" "this" {
  name        = var.names.topic_rule
  description = "Writes the readings of every gateway to the stream"
  enabled     = true
  sql         = "SELECT * FROM '${var.names.topic_prefix}/+'"
  sql_version = "2016-03-23"

  kinesis {
    role_arn      = aws_iam_role.rule.arn
    stream_name   = var.stream.name
    partition_key = "$${topic(2)}"
  }

  error_action {
    s3 {
      role_arn    = aws_iam_role.rule.arn
      bucket_name = var.error_bucket.name
      key         = "iot-errors/$${topic(2)}/$${newuuid()}.json"
    }
  }

  depends_on = [aws_iam_role_policy.rule]
}

resource "aws_iam_role" "rule" {
  name               = "${var.names.topic_rule}-role"
  description        = "Permissions of the topic rule ${var.names.topic_rule}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["iot.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.place.account_id]
    }
  }
}

resource "aws_iam_role_policy" "rule" {
  name   = "${var.names.topic_rule}-policy"
  role   = aws_iam_role.rule.name
  policy = data.aws_iam_policy_document.rule.json
}

data "aws_iam_policy_document" "rule" {
  statement {
    sid       = "PutRecords"
    actions   = ["kinesis:PutRecord"]
    resources = [var.stream.arn]
  }

  statement {
    sid       = "SendFailedInvocations"
    actions   = ["s3:PutObject"]
    resources = ["${var.error_bucket.arn}/iot-errors/*"]
  }

  statement {
    sid       = "UseBucketKeys"
    actions   = ["kms:GenerateDataKey"]
    resources = [var.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["kinesis.${var.place.region}.amazonaws.com", "s3.${var.place.region}.amazonaws.com"]
    }
  }
}

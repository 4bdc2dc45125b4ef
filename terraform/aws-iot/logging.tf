# Errors of AWS IoT itself: connections refused, rules whose action failed.

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:Retention is the environment's decision
  name              = "AWSIotLogsV2" # fixed by AWS IoT
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_iot_logging_options" "this" {
  default_log_level = "WARN"
  role_arn          = aws_iam_role.logging.arn

  depends_on = [aws_iam_role_policy.logging]
}

resource "aws_iam_role" "logging" {
  name               = "iot-logging-role"
  description        = "Lets AWS IoT write its log"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "logging" {
  name   = "iot-logging-policy"
  role   = aws_iam_role.logging.name
  policy = data.aws_iam_policy_document.logging.json
}

data "aws_iam_policy_document" "logging" {
  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }
}

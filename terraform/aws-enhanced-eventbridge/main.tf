# Tier-aware scheduling: one rule per tier collects the files of its sites.

locals {
  prefixes = {
    CRITICAL     = var.names.critical_rule_prefix
    NON_CRITICAL = var.names.non_critical_rule_prefix
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = var.schedules

  name                = "${local.prefixes[each.key]}-ftp-sweep"
  description         = "Collects the files of ${each.key} sites"
  schedule_expression = each.value
  state               = "ENABLED"
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = var.schedules

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = var.sweeper.name
  arn       = var.sweeper.arn
  input     = jsonencode({ site_tier = each.key })

  # A late sweep is useless: the next one collects the same files.
  retry_policy {
    maximum_event_age_in_seconds = 300
    maximum_retry_attempts       = 3
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_lambda_permission" "this" {
  for_each = var.schedules

  statement_id  = aws_cloudwatch_event_rule.this[each.key].name
  action        = "lambda:InvokeFunction"
  function_name = var.sweeper.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this[each.key].arn
}

resource "aws_sqs_queue" "undelivered" {
  name                      = "ftp-sweeps-undelivered"
  message_retention_seconds = 1209600 # 14 days, the maximum
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "undelivered" {
  queue_url = aws_sqs_queue.undelivered.url
  policy    = data.aws_iam_policy_document.undelivered.json
}

data "aws_iam_policy_document" "undelivered" {
  statement {
    sid       = "SendFailedEvents"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.undelivered.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.this : rule.arn]
    }
  }
}

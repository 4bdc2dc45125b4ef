# Other schedules and event rules: maintenance, and AWS events that are sent to the alert topic.

resource "aws_cloudwatch_event_rule" "schedule" {
  for_each = var.schedules

  name                = each.key
  description         = each.value.description
  schedule_expression = each.value.expression
  state               = "ENABLED"
}

resource "aws_cloudwatch_event_target" "schedule" {
  for_each = var.schedules

  rule      = aws_cloudwatch_event_rule.schedule[each.key].name
  target_id = each.value.function_name
  arn       = each.value.function_arn
  input     = jsonencode(each.value.input)

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 5
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_lambda_permission" "schedule" {
  for_each = var.schedules

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  function_name = each.value.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.schedule[each.key].arn
}

resource "aws_cloudwatch_event_rule" "notice" {
  for_each = var.notices

  name          = each.key
  description   = each.value.description
  event_pattern = each.value.pattern
  state         = "ENABLED"
}

resource "aws_cloudwatch_event_target" "notice" {
  for_each = var.notices

  rule      = aws_cloudwatch_event_rule.notice[each.key].name
  target_id = "alerts"
  arn       = var.alert_topic_arn

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_sqs_queue" "undelivered" {
  name                      = "events-undelivered"
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
      values = concat(
        [for rule in aws_cloudwatch_event_rule.schedule : rule.arn],
        [for rule in aws_cloudwatch_event_rule.notice : rule.arn],
      )
    }
  }
}

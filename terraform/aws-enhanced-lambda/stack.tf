# Alarms of the pipeline's own resources.

locals {
  function_alarms = merge([
    for key, function in var.functions : {
      "${function.name}-errors" = {
        function    = function.name
        metric      = "Errors"
        statistic   = "Sum"
        threshold   = 0
        description = "${function.name} failed: see its log"
      }
      "${function.name}-throttles" = {
        function    = function.name
        metric      = "Throttles"
        statistic   = "Sum"
        threshold   = 0
        description = "${function.name} was throttled: its concurrency limit is reached"
      }
      "${function.name}-slow" = {
        function    = function.name
        metric      = "Duration"
        statistic   = "Maximum"
        threshold   = function.timeout_seconds * 900
        description = "${function.name} takes more than 90 % of its timeout of ${function.timeout_seconds} s"
      }
    }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each = local.function_alarms

  alarm_name          = "stack-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = each.value.function }
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "queue" {
  for_each = var.queues

  alarm_name          = "stack-${each.key}-filled"
  alarm_description   = "a failed event is in the queue ${each.key}"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.key }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "stream_behind" {
  alarm_name          = "stack-${var.stream.name}-behind"
  alarm_description   = "the stream consumer is more than ${var.iterator_age_limit_seconds} s behind"
  namespace           = "AWS/Kinesis"
  metric_name         = "GetRecords.IteratorAgeMilliseconds"
  dimensions          = { StreamName = var.stream.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  threshold           = var.iterator_age_limit_seconds * 1000
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "stream_full" {
  count = var.stream.is_provisioned ? 1 : 0

  alarm_name          = "stack-${var.stream.name}-full"
  alarm_description   = "the stream is throttled: raise its number of shards"
  namespace           = "AWS/Kinesis"
  metric_name         = "WriteProvisionedThroughputExceeded"
  dimensions          = { StreamName = var.stream.name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "topic_rule" {
  alarm_name          = "stack-${var.topic_rule_name}-failed"
  alarm_description   = "messages of gateways could not be written to the stream: they are stored under iot-errors/ of the data lake"
  namespace           = "AWS/IoT"
  metric_name         = "Failure"
  dimensions          = { RuleName = var.topic_rule_name, ActionType = "Kinesis" }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "pipeline" {
  for_each = {
    RowsRejected           = { threshold = var.rejected_rows_limit, description = "many rows were rejected: see the quarantine" }
    FilesRejected          = { threshold = 0, description = "a whole file was rejected: see the quarantine" }
    RowsInDefaultPartition = { threshold = 0, description = "rows are in the default partition: see the log of migrate_database" }
  }

  alarm_name          = "stack-${each.key}"
  alarm_description   = each.value.description
  namespace           = var.names.metric_namespace
  metric_name         = each.key
  statistic           = each.key == "RowsInDefaultPartition" ? "Maximum" : "Sum"
  period              = 3600
  evaluation_periods  = 1
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "letters" {
  alarm_name          = "stack-letters-bounce"
  alarm_description   = "alarm e-mails are not delivered"
  namespace           = "AWS/SES"
  metric_name         = "Bounce"
  dimensions          = { ConfigurationSet = var.configuration_set }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]
}

# Alarms of the tasks, and of versions that did not come up.

resource "aws_cloudwatch_metric_alarm" "load" {
  for_each = { cpu = "CPUUtilization", memory = "MemoryUtilization" }

  alarm_name          = "stack-${var.name}-${each.key}"
  alarm_description   = "the web application's tasks are at more than 90 %: raise their size or scaling.most"
  namespace           = "AWS/ECS"
  metric_name         = each.value
  dimensions          = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this.name }
  statistic           = "Average"
  period              = 300
  evaluation_periods  = 3
  threshold           = 90
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "breaching" # no tasks, no metric
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_cloudwatch_event_rule" "deployment_failed" {
  name        = "${var.name}-deployment-failed"
  description = "A version of the web application did not come up and was taken back"

  event_pattern = jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Deployment State Change"]
    resources     = [aws_ecs_service.this.arn]
    detail        = { eventName = ["SERVICE_DEPLOYMENT_FAILED"] }
  })
}

resource "aws_cloudwatch_event_target" "deployment_failed" {
  rule = aws_cloudwatch_event_rule.deployment_failed.name
  arn  = var.alert_topic_arn

  input_transformer {
    input_paths    = { reason = "$.detail.reason", account = "$.account", region = "$.region" }
    input_template = "\"A version of ${var.name} did not come up and was taken back (account <account>, <region>): <reason> See the log group ${var.log_group_name}.\""
  }
}

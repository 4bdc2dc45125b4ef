# Alarms of the tasks and of failed deployments.

resource "aws_cloudwatch_metric_alarm" "load" {
  for_each = { cpu = "CPUUtilization", memory = "MemoryUtilization" }

  alarm_name          = "stack-${var.name}-${each.key}"
  alarm_description   = "the load of the web application's tasks is above 90 %: raise their size or scaling.most"
  namespace           = "AWS/ECS"
  metric_name         = each.value
  dimensions          = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this.name }
  statistic           = "Average"
  period              = 300
  evaluation_periods  = 3
  threshold           = 90
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "breaching" # without tasks there is no metric
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_cloudwatch_event_rule" "deployment_failed" {
  name        = "${var.name}-deployment-failed"
  description = "A deployment of the web application failed and was rolled back"

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
    input_template = "\"A deployment of ${var.name} failed and was rolled back (account <account>, <region>): <reason> See the log group ${var.log_group_name}.\""
  }
}

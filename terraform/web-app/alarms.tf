# Alarms on errors and response times of the web application.

locals {
  of_load_balancer = { LoadBalancer = aws_lb.this.arn_suffix }
  of_targets       = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.this.arn_suffix }

  alarms = {
    faults         = { metric = "HTTPCode_Target_5XX_Count", statistic = "Sum", threshold = var.faults_limit, dimensions = local.of_targets, description = "returns server errors: see its log" }
    nobody-answers = { metric = "HTTPCode_ELB_5XX_Count", statistic = "Sum", threshold = var.faults_limit, dimensions = local.of_load_balancer, description = "does not respond to the load balancer" }
    unhealthy      = { metric = "UnHealthyHostCount", statistic = "Minimum", threshold = 0, dimensions = local.of_targets, description = "has unhealthy tasks" }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "stack-web-${each.key}"
  alarm_description   = "the web application ${each.value.description}"
  namespace           = "AWS/ApplicationELB"
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 2
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "slow" {
  alarm_name          = "stack-web-slow"
  alarm_description   = "the p95 response time of the web application exceeds ${var.slow_response_seconds} s"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  dimensions          = local.of_targets
  extended_statistic  = "p95"
  period              = 300
  evaluation_periods  = 3
  threshold           = var.slow_response_seconds
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

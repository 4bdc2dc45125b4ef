# Alarms and RDS events of the database.

locals {
  alarms = {
    cpu         = { metric = "CPUUtilization", statistic = "Average", threshold = 85, comparison = "GreaterThanThreshold", description = "has a CPU load above 85 %" }
    storage     = { metric = "FreeStorageSpace", statistic = "Minimum", threshold = var.storage_gb * 1073741824 / 10, comparison = "LessThanThreshold", description = "has less than 10 % of its initial storage free" }
    memory      = { metric = "FreeableMemory", statistic = "Minimum", threshold = 67108864, comparison = "LessThanThreshold", description = "has less than 64 MB of memory free" }
    connections = { metric = "DatabaseConnections", statistic = "Maximum", threshold = var.connections_limit, comparison = "GreaterThanThreshold", description = "has more than ${var.connections_limit} connections" }
    xids        = { metric = "MaximumUsedTransactionIDs", statistic = "Maximum", threshold = 1000000000, comparison = "GreaterThanThreshold", description = "needs a vacuum, or it will stop accepting writes" }
  }
}

resource "aws_cloudwatch_metric_alarm" "database" {
  for_each = local.alarms

  alarm_name          = "stack-${var.name}-${each.key}"
  alarm_description   = "the database ${each.value.description}"
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  dimensions          = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 3
  threshold           = each.value.threshold
  comparison_operator = each.value.comparison
  treat_missing_data  = "missing"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "replica_behind" {
  count = var.replica_enabled ? 1 : 0

  alarm_name          = "stack-${local.replica_name}-behind"
  alarm_description   = "the lag of the replica is above five minutes"
  namespace           = "AWS/RDS"
  metric_name         = "ReplicaLag"
  dimensions          = { DBInstanceIdentifier = aws_db_instance.replica[0].identifier }
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 5
  threshold           = 300
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "missing"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_db_event_subscription" "this" {
  name             = "${var.name}-events"
  sns_topic        = var.alert_topic_arn
  source_type      = "db-instance"
  source_ids       = [aws_db_instance.this.identifier]
  event_categories = ["deletion", "failover", "failure", "low storage", "recovery", "restoration"]
}

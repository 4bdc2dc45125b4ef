output "site_alarm_names" {
  description = "Names of the sites' alarms."
  value       = keys(aws_cloudwatch_metric_alarm.site)
}

output "dashboards" {
  description = "Names of the dashboards."
  value       = [aws_cloudwatch_dashboard.fleet.dashboard_name, aws_cloudwatch_dashboard.pipeline.dashboard_name]
}

# Dashboards of the fleet's metrics and of the pipeline.

locals {
  fleet = {
    "Voltage, phase A (V)"  = "VoltagePhase_A"
    "Voltage, phase B (V)"  = "VoltagePhase_B"
    "Voltage, phase C (V)"  = "VoltagePhase_C"
    "Voltage unbalance (%)" = "VoltageUnbalanceCalculated"
    "Active power (kW)"     = "ActivePowerTotal"
    "Age of readings (s)"   = "ReadingAge"
  }

  pipeline = {
    "Readings into the stream" = [["AWS/Kinesis", "IncomingRecords", "StreamName", var.stream.name, { stat = "Sum" }]]
    "Iterator age of the stream (ms)" = [
      ["AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", var.stream.name, { stat = "Maximum" }],
    ]
    "Rows" = [
      for metric in ["RowsLoaded", "RowsRejected", "ReadingsDropped"] : [var.names.metric_namespace, metric, { stat = "Sum" }]
    ]
    "Files" = [
      for metric in ["FilesLoaded", "FilesRejected"] : [var.names.metric_namespace, metric, { stat = "Sum" }]
    ]
    "Errors of functions" = [
      for function in var.functions : ["AWS/Lambda", "Errors", "FunctionName", function.name, { stat = "Sum" }]
    ]
    "Duration of functions (ms)" = [
      for function in var.functions : ["AWS/Lambda", "Duration", "FunctionName", function.name, { stat = "p95" }]
    ]
    "Failed events" = [
      for queue in var.queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, { stat = "Maximum" }]
    ]
  }

  database = var.database_instance_id == null ? {} : {
    "Database: load (%)"    = [["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", var.database_instance_id, { stat = "Average" }]]
    "Database: connections" = [["AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier", var.database_instance_id, { stat = "Maximum" }]]
  }

  pipeline_titles = concat(keys(local.pipeline), keys(local.database))
}

resource "aws_cloudwatch_dashboard" "fleet" {
  dashboard_name = "smarterise-fleet"
  dashboard_body = jsonencode({
    widgets = [
      for position, title in keys(local.fleet) : {
        type   = "metric"
        x      = (position % 2) * 12
        y      = floor(position / 2) * 6
        width  = 12
        height = 6
        properties = {
          title  = title
          region = var.region
          view   = "timeSeries"
          period = 60
          metrics = [[{
            # A search expression covers future sites too.
            expression = "SEARCH('{${var.names.metric_namespace},${var.gateway_dimension}} MetricName=\"${local.fleet[title]}\"', 'Average', 60)"
          }]]
        }
      }
    ]
  })
}

resource "aws_cloudwatch_dashboard" "pipeline" {
  dashboard_name = "smarterise-pipeline"
  dashboard_body = jsonencode({
    widgets = [
      for position, title in local.pipeline_titles : {
        type   = "metric"
        x      = (position % 2) * 12
        y      = floor(position / 2) * 6
        width  = 12
        height = 6
        properties = {
          title   = title
          region  = var.region
          view    = "timeSeries"
          period  = 300
          metrics = try(local.pipeline[title], local.database[title])
        }
      }
    ]
  })
}

# Event sources of the functions: stream, new files, alarms. Schedules are in aws-eventbridge and aws-enhanced-eventbridge.

resource "aws_lambda_event_source_mapping" "stream" {
  function_name                      = module.kinesis_to_s3_rds.name
  event_source_arn                   = var.stream.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.stream.batch_size
  maximum_batching_window_in_seconds = var.stream.batching_window_seconds
  parallelization_factor             = var.stream.readers_per_shard
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = var.stream.retries # otherwise a failing batch blocks its shard
  maximum_record_age_in_seconds      = 86400
  function_response_types            = ["ReportBatchItemFailures"]

  destination_config {
    on_failure {
      destination_arn = var.data_lake.arn # stores the records; a queue would get only their positions
    }
  }
}

resource "aws_lambda_permission" "files" {
  statement_id   = "files-of-the-lake"
  action         = "lambda:InvokeFunction"
  function_name  = module.s3_to_rds.name
  principal      = "s3.amazonaws.com"
  source_arn     = var.data_lake.arn
  source_account = var.place.account_id
}

resource "aws_s3_bucket_notification" "files" {
  bucket      = var.data_lake.name
  eventbridge = var.data_lake.backups_enabled # required by AWS Backup

  lambda_function {
    id                  = "files-of-the-ftp-server"
    lambda_function_arn = module.s3_to_rds.arn
    events              = ["s3:ObjectCreated:*"]
    filter_prefix       = var.ftp_folder
  }

  depends_on = [aws_lambda_permission.files]
}

resource "aws_lambda_permission" "alerts" {
  statement_id  = "alerts"
  action        = "lambda:InvokeFunction"
  function_name = module.alarm_notifier.name
  principal     = "sns.amazonaws.com"
  source_arn    = var.alert_topic_arn
}

resource "aws_sns_topic_subscription" "alerts" {
  topic_arn = var.alert_topic_arn
  protocol  = "lambda"
  endpoint  = module.alarm_notifier.arn

  filter_policy_scope = var.alarm_news == null ? null : "MessageBody"
  filter_policy       = var.alarm_news

  depends_on = [aws_lambda_permission.alerts]
}

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  place = { account_id = "123456789012", region = "eu-west-1", partition = "aws" }
  names = {
    site_config_bucket       = "a-site-config"
    site_config_key          = "site-tiers.json"
    data_lake_bucket         = "a-lake"
    site_config_manager      = "site-config-manager"
    ftp_to_s3                = "ftp_to_s3"
    s3_to_rds                = "s3_to_rds_lambda"
    kinesis_to_s3_rds        = "kinesis_to_s3_rds"
    alarm_notifier           = "alarm_notifier"
    ingest_manager           = "ingest-manager"
    migrate_database         = "migrate_database"
    ftp_secret               = "smarterise/ftp"
    critical_rule_prefix     = "critical-sites"
    non_critical_rule_prefix = "non-critical-sites"
    stream                   = "device-data-stream"
    topic_prefix             = "accuenergy"
    topic_rule               = "accuenergy_to_kinesis"
    alert_topic              = "smarterise-alerts"
    metric_namespace         = "SmartMeterMetrics"
    alarm_prefix             = "smartmeter"
  }
  functions = {
    ftp_to_s3         = { handler = "smarterise_lambdas.ftp_to_s3.handler.handler", timeout_seconds = 840, memory_mb = 1024 }
    s3_to_rds         = { handler = "smarterise_lambdas.s3_to_rds_lambda.handler.handler", timeout_seconds = 300, memory_mb = 1024 }
    kinesis_to_s3_rds = { handler = "smarterise_lambdas.kinesis_to_s3_rds.handler.handler", timeout_seconds = 60, memory_mb = 512 }
    alarm_notifier    = { handler = "smarterise_lambdas.alarm_notifier.handler.handler", timeout_seconds = 420, memory_mb = 512 }
    ingest_manager    = { handler = "smarterise_lambdas.ingest_manager.handler.handler", timeout_seconds = 60, memory_mb = 512 }
    migrate_database  = { handler = "smarterise_lambdas.migrate_database.handler.handler", timeout_seconds = 900, memory_mb = 512 }
  }
  kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/a"
  package_dir        = "./tests/fixtures"
  log_retention_days = 14
  site_config        = { bucket = "a-site-config", bucket_arn = "arn:aws:s3:::a-site-config", key = "site-tiers.json" }
  data_lake          = { name = "a-lake", arn = "arn:aws:s3:::a-lake" }
  ftp_folder         = "ftp-backups/"
  stream             = { name = "device-data-stream", arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/device-data-stream" }
  ftp                = { url = "ftps://ftp.example.com/meters", user = "gateways", password_version = 1 }
  ftp_password       = "a-password"
  network            = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  mail               = { sender = "alerts@example.com", recipients = ["oncall@example.com"], identity_arns = ["arn:aws:ses:eu-west-1:123456789012:identity/example.com"] }
  alert_topic_arn    = "arn:aws:sns:eu-west-1:123456789012:smarterise-alerts"
  database = {
    host              = "proxy.example"
    port              = 5432
    name              = "smarterise"
    resource_id       = "prx-1"
    function_user     = "smarterise_functions"
    master_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:owner"
    direct_host       = "db.example"
  }
}

run "the_stream_is_read_with_bounds" {
  command = plan

  assert {
    condition     = aws_lambda_event_source_mapping.stream.maximum_retry_attempts == 10 && aws_lambda_event_source_mapping.stream.bisect_batch_on_function_error
    error_message = "A bad batch must not stop its shard for ever."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.stream.destination_config[0].on_failure[0].destination_arn == "arn:aws:s3:::a-lake"
    error_message = "What is given up must be kept whole."
  }
}

run "new_files_are_told" {
  command = plan

  assert {
    condition     = aws_s3_bucket_notification.files.lambda_function[0].filter_prefix == "ftp-backups/"
    error_message = "Only files of the FTP server are loaded."
  }
}

run "a_lake_that_is_backed_up_tells_eventbridge" {
  command = plan
  variables {
    data_lake = { name = "a-lake", arn = "arn:aws:s3:::a-lake", backups_enabled = true }
  }

  assert {
    condition     = aws_s3_bucket_notification.files.eventbridge
    error_message = "EventBridge must be enabled, because AWS Backup enables it and causes drift."
  }
}

run "the_schema_is_brought_up_to_date" {
  command = plan

  assert {
    condition     = jsondecode(aws_lambda_invocation.migration.input).action == "migrate"
    error_message = "A deployment must invoke migrate_database."
  }

  assert {
    condition     = aws_lambda_invocation.migration.triggers.code == filebase64sha256("./tests/fixtures/migrate_database.zip")
    error_message = "A new schema must be brought in."
  }
}

run "another_database_has_a_secret" {
  command = plan
  variables {
    database_url       = { version = 1 }
    database_url_value = "postgresql://a:b@c/d"
  }

  assert {
    condition     = length(aws_secretsmanager_secret.database_url) == 1
    error_message = "Its URL must be in Secrets Manager."
  }
}

run "retries_without_end_are_refused" {
  command = plan
  variables {
    stream = { name = "s", arn = "a", retries = -1 }
  }
  expect_failures = [var.stream]
}

run "a_password_in_the_url_is_refused" {
  command = plan
  variables {
    ftp = { url = "ftp://u:p@ftp.example.com/", user = "u", password_version = 1 }
  }
  expect_failures = [var.ftp]
}

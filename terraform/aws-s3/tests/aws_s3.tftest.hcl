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
    critical_rule_prefix     = "critical-sites"
    non_critical_rule_prefix = "non-critical-sites"
    stream                   = "device-data-stream"
    topic_prefix             = "accuenergy"
    topic_rule               = "accuenergy_to_kinesis"
    alert_topic              = "smarterise-alerts"
    metric_namespace         = "SmartMeterMetrics"
    alarm_prefix             = "smartmeter"
  }
  kms_key_arn  = "arn:aws:kms:eu-west-1:123456789012:key/a"
  ftp_folder   = "ftp-backups/"
  lake_columns = { gateway_serial = "string", voltage_a = "double" }
  bucket_names = { athena_results = "results", device_certificates = "certificates", rds_state = "state", access_logs = "logs" }
}

run "the_lake_is_a_table" {
  command = plan

  assert {
    condition     = aws_glue_catalog_table.raw_readings.parameters["projection.enabled"] == "true"
    error_message = "Partitions must follow from the keys."
  }

  assert {
    condition     = length(aws_glue_catalog_table.raw_readings.storage_descriptor[0].columns) == 2
    error_message = "The table has the columns it is given."
  }
}

run "results_go_where_they_are_told" {
  command = plan

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration
    error_message = "Query results must be written only to the given bucket."
  }

  assert {
    condition     = output.data_lake.name == "a-lake" && output.athena_results.name == "results"
    error_message = "Buckets must bear their names."
  }
}

run "one_name_for_two_buckets_is_refused" {
  command = plan
  variables {
    bucket_names = { athena_results = "x-1", device_certificates = "x-1", rds_state = "state", access_logs = "logs" }
  }
  expect_failures = [var.bucket_names]
}

run "too_early_an_archive_is_refused" {
  command = plan
  variables {
    archive_days = 1
  }
  expect_failures = [var.archive_days]
}

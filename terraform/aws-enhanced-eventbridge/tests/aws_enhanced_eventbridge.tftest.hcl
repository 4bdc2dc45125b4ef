mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
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
  schedules = { CRITICAL = "cron(0/15 * * * ? *)", NON_CRITICAL = "rate(1 hour)" }
  sweeper   = { name = "ftp_to_s3", arn = "arn:aws:lambda:eu-west-1:123456789012:function:ftp_to_s3" }
}

run "each_tier_has_its_rule" {
  command = plan

  assert {
    condition     = aws_cloudwatch_event_rule.this["CRITICAL"].name == "critical-sites-ftp-sweep" && aws_cloudwatch_event_rule.this["NON_CRITICAL"].name == "non-critical-sites-ftp-sweep"
    error_message = "The rules must be named for their tiers."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_target.this["CRITICAL"].input).site_tier == "CRITICAL"
    error_message = "A rule must invoke the function with its own tier."
  }

  assert {
    condition     = aws_lambda_permission.this["CRITICAL"].principal == "events.amazonaws.com"
    error_message = "The rule must be allowed to invoke the function."
  }
}

run "a_tier_without_a_schedule_is_refused" {
  command = plan
  variables {
    schedules = { CRITICAL = "rate(1 hour)" }
  }
  expect_failures = [var.schedules]
}

run "a_third_tier_is_refused" {
  command = plan
  variables {
    schedules = { CRITICAL = "rate(1 hour)", NON_CRITICAL = "rate(1 hour)", LOW = "rate(1 day)" }
  }
  expect_failures = [var.schedules]
}

run "what_is_no_schedule_is_refused" {
  command = plan
  variables {
    schedules = { CRITICAL = "hourly", NON_CRITICAL = "rate(1 hour)" }
  }
  expect_failures = [var.schedules]
}

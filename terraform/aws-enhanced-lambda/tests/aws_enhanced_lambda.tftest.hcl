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
  region            = "eu-west-1"
  gateway_dimension = "GatewaySerial"
  metrics           = { VoltagePhase_A = "V" }
  alarm_paces       = { CRITICAL = { period = 60, is_single = false }, NON_CRITICAL = { period = 3600, is_single = true } }
  alarm_rules = {
    voltage-a-low = {
      metric      = "VoltagePhase_A"
      statistic   = "Average"
      comparison  = "LessThanThreshold"
      description = "voltage of phase A is low"
      missing     = "missing"
      datapoints  = { CRITICAL = { needed = 2, periods = 3 }, NON_CRITICAL = { needed = 1, periods = 1 } }
      limits      = { en50160 = { per_volt = 0.9, constant = 0 }, "c84.1" = { per_volt = 0.95, constant = 0 } }
    }
  }
  sites             = { ehm21120333 = { name = "Ikeja" }, AN54101471 = { tier = "NON_CRITICAL", nominal_voltage = 240, quality_profile = "c84.1" } }
  functions         = { ftp_to_s3 = { name = "ftp_to_s3", timeout_seconds = 840 } }
  queues            = ["ftp_to_s3-failures"]
  stream            = { name = "device-data-stream", is_provisioned = false }
  topic_rule_name   = "accuenergy_to_kinesis"
  configuration_set = "smarterise"
  alert_topic_arn   = "arn:aws:sns:eu-west-1:123456789012:smarterise-alerts"
}

run "limits_follow_from_the_site" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.site["smartmeter-ehm21120333-voltage-a-low"].threshold == 207
    error_message = "10 % under 230 V is 207 V."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.site["smartmeter-AN54101471-voltage-a-low"].threshold == 228
    error_message = "5 % under 240 V is 228 V."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.site["smartmeter-AN54101471-voltage-a-low"].period == 3600
    error_message = "A site that is read hourly is judged hourly."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.site["smartmeter-ehm21120333-voltage-a-low"].alarm_description == "Ikeja: voltage of phase A is low (limit 207 V)"
    error_message = "The alarm must say what is the matter."
  }
}

run "only_live_sites_tell" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.site["smartmeter-ehm21120333-voltage-a-low"].actions_enabled && !aws_cloudwatch_metric_alarm.site["smartmeter-AN54101471-voltage-a-low"].actions_enabled
    error_message = "Alarm actions of sites that are not streaming must be disabled."
  }
}

run "a_stream_on_demand_is_never_full" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.stream_full) == 0
    error_message = "There is nothing to be full."
  }
}

run "dashboards_are_json" {
  command = plan

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.fleet.dashboard_body).widgets) == 6 && length(jsondecode(aws_cloudwatch_dashboard.pipeline.dashboard_body).widgets) == 7
    error_message = "The dashboards must have their widgets."
  }
}

run "an_unknown_profile_is_refused" {
  command = plan
  variables {
    sites = { ehm21120333 = { quality_profile = "iso" } }
  }
  expect_failures = [var.sites]
}

run "no_voltage_is_refused" {
  command = plan
  variables {
    sites = { ehm21120333 = { nominal_voltage = 0 } }
  }
  expect_failures = [var.sites]
}

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
  kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/a"
  gateways           = ["ehm21120333", "AN54101471"]
  stream             = { name = "device-data-stream", arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/device-data-stream" }
  error_bucket       = { name = "a-lake", arn = "arn:aws:s3:::a-lake" }
  certificate_bucket = { name = "certificates", arn = "arn:aws:s3:::certificates" }
  log_retention_days = 14
}

run "every_gateway_is_a_thing_with_a_policy" {
  command = plan

  assert {
    condition     = length(aws_iot_thing.this) == 2 && aws_iot_policy.gateway["AN54101471"].name == "gateway-AN54101471"
    error_message = "Each gateway has a thing and a policy of its own."
  }
}

run "what_fails_is_kept" {
  command = plan

  assert {
    condition     = aws_iot_topic_rule.this.sql == "SELECT * FROM 'accuenergy/+'"
    error_message = "The rule must select the topic of every gateway."
  }

  assert {
    condition     = aws_iot_topic_rule.this.error_action[0].s3[0].key == "iot-errors/$${topic(2)}/$${newuuid()}.json"
    error_message = "What cannot be put on the stream must be kept."
  }
}

run "no_gateway_is_refused" {
  command = plan
  variables {
    gateways = []
  }
  expect_failures = [var.gateways]
}

run "a_private_key_is_refused" {
  command = plan
  variables {
    signing_requests = { ehm21120333 = "-----BEGIN CERTIFICATE REQUEST----- -----BEGIN PRIVATE KEY-----" }
  }
  expect_failures = [var.signing_requests]
}

run "a_request_of_a_stranger_is_refused" {
  command = plan
  variables {
    signing_requests = { zzz9 = "-----BEGIN CERTIFICATE REQUEST-----" }
  }
  expect_failures = [var.signing_requests]
}

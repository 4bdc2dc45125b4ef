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
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/a"
  domain      = "dev.demo.powersmarter.net"
  subscribers = ["oncall@powersmarter.net"]
}

run "people_are_subscribed" {
  command = plan

  assert {
    condition     = aws_sns_topic.alerts.name == "smarterise-alerts" && aws_sns_topic_subscription.people["oncall@powersmarter.net"].protocol == "email"
    error_message = "The subscribers must be subscribed to the topic."
  }

  assert {
    condition     = output.sender == "alerts@dev.demo.powersmarter.net"
    error_message = "Notification e-mails must come from the domain."
  }

  assert {
    condition     = aws_sns_topic.alerts.kms_master_key_id == var.kms_key_arn
    error_message = "The topic must be encrypted by our key: CloudWatch may not use that of SNS."
  }
}

run "a_domain_without_a_dot_is_refused" {
  command = plan
  variables {
    domain = "localhost"
  }
  expect_failures = [var.domain]
}

run "what_is_no_address_is_refused" {
  command = plan
  variables {
    subscribers = ["oncall"]
  }
  expect_failures = [var.subscribers]
}

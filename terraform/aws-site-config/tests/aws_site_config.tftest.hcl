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
  tiers              = ["CRITICAL", "NON_CRITICAL"]
  sites              = { ehm21120333 = {}, AN54101471 = { tier = "NON_CRITICAL", nominal_voltage = 240 } }
  function           = { handler = "smarterise_lambdas.site_config_manager.handler.handler", timeout_seconds = 300, memory_mb = 512 }
  package_path       = "./tests/fixtures/function.zip"
  log_retention_days = 14
}

run "the_first_file_has_every_site" {
  command = plan

  assert {
    condition     = jsondecode(aws_s3_object.first_file.content).sites.AN54101471.tier == "NON_CRITICAL"
    error_message = "A site must have its tier."
  }

  assert {
    condition     = jsondecode(aws_s3_object.first_file.content).sites.ehm21120333.tier == "CRITICAL"
    error_message = "A site without details must be CRITICAL."
  }

  assert {
    condition     = !contains(keys(jsondecode(aws_s3_object.first_file.content).sites.ehm21120333), "name")
    error_message = "Omitted fields must not be written."
  }
}

run "an_upload_of_exactly_the_file_is_told" {
  command = plan

  assert {
    condition     = aws_s3_bucket_notification.this.lambda_function[0].filter_prefix == "site-tiers.json" && aws_s3_bucket_notification.this.lambda_function[0].filter_suffix == "site-tiers.json"
    error_message = "Only the file itself may invoke the manager."
  }

  assert {
    condition     = aws_lambda_permission.uploads.source_account == "123456789012"
    error_message = "Only buckets of this account may invoke the manager."
  }
}

run "instructions_name_the_file" {
  command = plan

  assert {
    condition     = strcontains(output.site_switching_instructions, "aws s3 cp s3://a-site-config/site-tiers.json .")
    error_message = "The instructions must name bucket and key."
  }
}

run "no_site_is_refused" {
  command = plan
  variables {
    sites = {}
  }
  expect_failures = [var.sites]
}

run "an_unknown_tier_is_refused" {
  command = plan
  variables {
    sites = { ehm21120333 = { tier = "LOW" } }
  }
  expect_failures = [var.sites]
}

run "a_bad_serial_is_refused" {
  command = plan
  variables {
    sites = { "ehm-1" = {} }
  }
  expect_failures = [var.sites]
}

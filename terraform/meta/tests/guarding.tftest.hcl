# What audit, backups and costs refuse, and what they have at the least.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  environment = "dev"
  place       = { account_id = "123456789012", region = "eu-west-1", partition = "aws" }
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/a"
}

run "the_trail_is_in_every_region" {
  command = plan
  module {
    source = "./audit"
  }
  variables {
    bucket_name            = "an-audit"
    bucket_arns_of_changes = ["arn:aws:s3:::a-site-config"]
    bucket_arns_of_reads   = ["arn:aws:s3:::certificates"]
  }

  assert {
    condition     = aws_cloudtrail.this.is_multi_region_trail && aws_cloudtrail.this.enable_log_file_validation
    error_message = "What is done in another region must be recorded too, and no file of it changed unseen."
  }

  assert {
    condition     = alltrue([for rule in aws_config_config_rule.promise : startswith(rule.name, "smarterise-")])
    error_message = "Rules bear the name that they are found by."
  }
}

run "an_audit_that_forgets_the_site_file_is_refused" {
  command = plan
  module {
    source = "./audit"
  }
  variables {
    bucket_name            = "an-audit"
    bucket_arns_of_changes = []
    bucket_arns_of_reads   = ["arn:aws:s3:::certificates"]
  }
  expect_failures = [var.bucket_arns_of_changes]
}

run "backups_are_kept_in_two_places" {
  command = plan
  module {
    source = "./backups"
  }
  variables {
    copy_region         = "eu-central-1"
    database            = { instance_arn = "arn:aws:rds:eu-west-1:123456789012:db:a", subnet_group_name = "a", security_group_id = "sg-1" }
    bucket_arns         = { site_config = "arn:aws:s3:::a-site-config" }
    restore_test_bucket = "site_config"
  }

  assert {
    condition     = aws_backup_vault.copies.region == "eu-central-1" && aws_kms_key.copies.region == "eu-central-1"
    error_message = "Copies and their key must be in the second region."
  }

  assert {
    condition     = length(aws_backup_vault_lock_configuration.this) == 1
    error_message = "Backups must be locked unless destroy_with_backups_enabled is set."
  }
}

run "a_copy_in_the_same_region_is_refused" {
  command = plan
  module {
    source = "./backups"
  }
  variables {
    copy_region         = "eu-west-1"
    database            = { instance_arn = "arn:aws:rds:eu-west-1:123456789012:db:a", subnet_group_name = "a", security_group_id = "sg-1" }
    bucket_arns         = { site_config = "arn:aws:s3:::a-site-config" }
    restore_test_bucket = "site_config"
  }
  expect_failures = [var.copy_region]
}

run "a_budget_of_nothing_is_refused" {
  command = plan
  module {
    source = "./costs"
  }
  variables {
    alert_topic_arn   = "arn:aws:sns:eu-west-1:123456789012:a"
    monthly_limit_usd = 0
  }
  expect_failures = [var.monthly_limit_usd]
}

run "a_monitor_that_is_there_is_used" {
  command = plan
  module {
    source = "./costs"
  }
  variables {
    alert_topic_arn     = "arn:aws:sns:eu-west-1:123456789012:a"
    monthly_limit_usd   = 100
    anomaly_monitor_arn = "arn:aws:ce::123456789012:anomalymonitor/1a2b3c4d-0000"
  }

  assert {
    condition     = length(aws_ce_anomaly_monitor.services) == 0
    error_message = "An account can have one monitor of all services."
  }
}

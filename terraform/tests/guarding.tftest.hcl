# What the root refuses of backups, costs and the database's own settings.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  smart_device_names     = ["ehm21120333"]
  smarterise_domain_root = "dev.demo.powersmarter.net"
  ftp_host               = "ftp.smarterise.com"
  ftp_user               = "gateways"
  ftp_pass               = "a-password-of-the-tests"
  environment            = "dev"
  mode                   = "minimal"
  alert_emails           = ["oncall@powersmarter.net"]
  lambda_package_dir     = "./aws-lambda/tests/fixtures"
}

run "all_that_is_wrong_is_told_at_once" {
  command = plan
  variables {
    backup_copy_region              = "eu-west-1"
    backup_daily_retention_days     = 3
    audit_retention_days            = 30
    monthly_budget_usd              = 0
    cost_anomaly_monitor_arn        = "the monitor"
    database_engine_version         = "9"
    database_storage_gb             = 5
    database_owner_password_version = 0
    database_url_port               = 70000
    stream_shard_count              = 0
  }
  expect_failures = [
    var.backup_copy_region,
    var.backup_daily_retention_days,
    var.audit_retention_days,
    var.monthly_budget_usd,
    var.cost_anomaly_monitor_arn,
    var.database_engine_version,
    var.database_storage_gb,
    var.database_owner_password_version,
    var.database_url_port,
    var.stream_shard_count,
  ]
}

run "a_month_is_kept_no_shorter_than_a_day" {
  command = plan
  variables {
    backup_daily_retention_days   = 60
    backup_monthly_retention_days = 30
  }
  expect_failures = [var.backup_monthly_retention_days]
}

run "a_database_has_room_to_grow" {
  command = plan
  variables {
    database_storage_gb       = 100
    database_storage_limit_gb = 110
  }
  expect_failures = [var.database_storage_limit_gb]
}

# The root under a mocked provider: what it refuses.

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
  smart_device_names     = ["ehm21120333", "AN54101471"]
  smarterise_domain_root = "dev.demo.powersmarter.net"
  ftp_host               = "ftp.smarterise.com"
  ftp_user               = "gateways"
  ftp_pass               = "a-password-of-the-tests"
  environment            = "dev"
  mode                   = "minimal"
  alert_emails           = ["oncall@powersmarter.net"]
  lambda_package_dir     = "./aws-lambda/tests/fixtures"
}

# All at once, as planning the root takes long. First what is wrong in itself, then what does not go together.
run "what_is_wrong_in_itself_is_refused" {
  command = plan
  variables {
    smart_device_names              = []
    smarterise_domain_root          = "localhost"
    vpc_cidr                        = "10.20.0.0/33"
    ftp_pass                        = "your-ftp-password"
    audit_retention_days            = 30
    backup_daily_retention_days     = 3
    cost_anomaly_monitor_arn        = "the monitor"
    database_engine_version         = "9"
    database_owner_password_version = 0
    database_storage_gb             = 5
    database_url_port               = 70000
    monthly_budget_usd              = 0
    stream_shard_count              = 0
  }
  expect_failures = [
    var.smart_device_names,
    var.smarterise_domain_root,
    var.vpc_cidr,
    var.ftp_pass,
    var.audit_retention_days,
    var.backup_daily_retention_days,
    var.cost_anomaly_monitor_arn,
    var.database_engine_version,
    var.database_owner_password_version,
    var.database_storage_gb,
    var.database_url_port,
    var.monthly_budget_usd,
    var.stream_shard_count,
  ]
}

run "what_does_not_go_together_is_refused" {
  command = plan
  variables {
    site_details                  = { ehm21120333 = { tier = "CRITCAL" } }
    backup_copy_region            = "eu-west-1"
    backup_daily_retention_days   = 60
    backup_monthly_retention_days = 30
    database_storage_gb           = 100
    database_storage_limit_gb     = 110
  }
  expect_failures = [
    var.site_details,
    var.backup_copy_region,
    var.backup_monthly_retention_days,
    var.database_storage_limit_gb,
  ]
}

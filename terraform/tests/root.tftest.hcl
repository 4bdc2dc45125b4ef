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

# All at once, as planning the root takes long.
run "wrong_values_are_refused" {
  command = plan
  variables {
    smart_device_names     = []
    smarterise_domain_root = "localhost"
    vpc_cidr               = "10.20.0.0/33"
    ftp_pass               = "your-ftp-password"
  }
  expect_failures = [var.smart_device_names, var.smarterise_domain_root, var.vpc_cidr, var.ftp_pass]
}

run "an_unknown_tier_is_refused" {
  command = plan
  variables {
    site_details = { ehm21120333 = { tier = "CRITCAL" } }
  }
  expect_failures = [var.site_details]
}

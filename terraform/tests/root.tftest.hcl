# The root under a mocked provider: what it refuses, and what each mode has.

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

run "no_device_is_refused" {
  command = plan
  variables {
    smart_device_names = []
  }
  expect_failures = [var.smart_device_names]
}

run "an_unknown_tier_is_refused" {
  command = plan
  variables {
    site_details = { ehm21120333 = { tier = "CRITCAL" } }
  }
  expect_failures = [var.site_details]
}

run "a_domain_without_a_dot_is_refused" {
  command = plan
  variables {
    smarterise_domain_root = "localhost"
  }
  expect_failures = [var.smarterise_domain_root]
}

run "a_bad_range_of_addresses_is_refused" {
  command = plan
  variables {
    vpc_cidr = "10.20.0.0/33"
  }
  expect_failures = [var.vpc_cidr]
}

run "the_guides_example_password_is_refused" {
  command = plan
  variables {
    ftp_pass = "your-ftp-password"
  }
  expect_failures = [var.ftp_pass]
}

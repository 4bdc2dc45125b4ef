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
  environment = "dev"
}

run "names_are_those_of_the_domain" {
  command = plan

  assert {
    condition     = output.names.stream == "device-data-stream" && output.functions.ftp_to_s3 == "ftp_to_s3"
    error_message = "The names are not those of domain.json."
  }
  assert {
    condition     = output.function_arns.site_config_manager == "arn:aws:lambda:eu-west-1:123456789012:function:site-config-manager"
    error_message = "A function's ARN is not what AWS will give it."
  }
  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key must rotate."
  }
}

run "a_name_can_differ" {
  command = plan
  variables {
    names = { stream = "device-data-stream-2" }
  }

  assert {
    condition     = output.names.stream == "device-data-stream-2"
    error_message = "A name that is set must hold."
  }
}

run "a_word_the_stack_does_not_have_is_refused" {
  command = plan
  variables {
    names = { streem = "x" }
  }
  expect_failures = [var.names]
}

run "a_bad_environment_is_refused" {
  command = plan
  variables {
    environment = "Dev Environment"
  }
  expect_failures = [var.environment]
}

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  kms_key_arn     = "arn:aws:kms:eu-west-1:123456789012:key/1"
  alert_topic_arn = "arn:aws:sns:eu-west-1:123456789012:smarterise-alerts"
}

run "images_are_encrypted_scanned_and_never_changed" {
  command = plan

  assert {
    condition = alltrue([for repository in aws_ecr_repository.this : (
      repository.image_tag_mutability == "IMMUTABLE"
      && repository.encryption_configuration[0].encryption_type == "KMS"
      && repository.image_scanning_configuration[0].scan_on_push
      && !repository.force_delete
    )])
    error_message = "A repository does not keep its images as it should."
  }
  assert {
    condition     = keys(aws_ecr_repository.this) == ["smarterise/api_service"]
    error_message = "The web application's repository is not there."
  }
}

run "old_images_go" {
  command = plan
  variables {
    repositories = { "smarterise/api_service" = { kept_images = 5 } }
  }

  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.this["smarterise/api_service"].policy).rules : rule.selection.countNumber] == [7, 5]
    error_message = "Untagged images go after days, others by number."
  }
}

run "faulty_images_are_told_of" {
  command = plan

  assert {
    condition     = aws_cloudwatch_event_target.findings.arn == var.alert_topic_arn && jsondecode(aws_cloudwatch_event_rule.findings.event_pattern).detail["repository-name"] == ["smarterise/api_service"]
    error_message = "Findings of our repositories must reach the topic."
  }
}

run "no_repository_is_refused" {
  command = plan
  variables {
    repositories = {}
  }
  expect_failures = [var.repositories]
}

run "a_name_that_ecr_does_not_take_is_refused" {
  command = plan
  variables {
    repositories = { "Smarterise API" = {} }
  }
  expect_failures = [var.repositories]
}

run "nothing_to_go_back_to_is_refused" {
  command = plan
  variables {
    repositories = { api = { kept_images = 1 } }
  }
  expect_failures = [var.repositories]
}

run "untagged_for_no_time_is_refused" {
  command = plan
  variables {
    untagged_days = 0
  }
  expect_failures = [var.untagged_days]
}

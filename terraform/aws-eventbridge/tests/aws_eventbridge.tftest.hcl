mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  alert_topic_arn = "arn:aws:sns:eu-west-1:123456789012:smarterise-alerts"
  schedules = {
    upkeep = {
      description   = "maintenance"
      expression    = "cron(30 1 * * ? *)"
      function_name = "migrate_database"
      function_arn  = "arn:aws:lambda:eu-west-1:123456789012:function:migrate_database"
      input         = { action = "maintain" }
    }
  }
  notices = { backup-failed = { description = "a backup failed", pattern = "{\"source\": [\"aws.backup\"]}" } }
}

run "a_schedule_invokes_its_function" {
  command = plan

  assert {
    condition     = aws_cloudwatch_event_target.schedule["upkeep"].input == jsonencode({ action = "maintain" })
    error_message = "The function must get its input."
  }

  assert {
    condition     = aws_lambda_permission.schedule["upkeep"].function_name == "migrate_database"
    error_message = "The rule must be allowed to invoke the function."
  }
}

run "a_notice_goes_to_the_topic" {
  command = plan

  assert {
    condition     = aws_cloudwatch_event_target.notice["backup-failed"].arn == var.alert_topic_arn
    error_message = "A notice must reach the topic."
  }
}

run "a_pattern_that_is_no_json_is_refused" {
  command = plan
  variables {
    notices = { x = { description = "x", pattern = "source = aws.backup" } }
  }
  expect_failures = [var.notices]
}

run "what_is_no_schedule_is_refused" {
  command = plan
  variables {
    schedules = { x = { description = "x", expression = "every day", function_name = "f", function_arn = "a", input = {} } }
  }
  expect_failures = [var.schedules]
}

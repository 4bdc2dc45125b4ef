mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/a-role" }
  }
  mock_resource "aws_ecs_service" {
    override_during = plan
    defaults        = { arn = "arn:aws:ecs:eu-west-1:123456789012:service/smarterise/api_service" }
  }
}

variables {
  place               = { account_id = "123456789012", region = "eu-west-1", partition = "aws" }
  kms_key_arn         = "arn:aws:kms:eu-west-1:123456789012:key/1"
  image               = { repository_url = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/smarterise/api_service", tag = "1.4.0" }
  repository_arn      = "arn:aws:ecr:eu-west-1:123456789012:repository/smarterise/api_service"
  network             = { subnet_ids = ["subnet-1", "subnet-2"], security_group_id = "sg-1" }
  target_group_arn    = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1"
  request_count_label = "app/smarterise-web/1/targetgroup/web/1"
  log_retention_days  = 90
  alert_topic_arn     = "arn:aws:sns:eu-west-1:123456789012:smarterise-alerts"
}

run "the_container_is_what_was_asked_for" {
  command = plan
  variables {
    environment = { DATABASE_HOST = "db" }
    secrets     = { SESSION_KEY = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:web-AbCdEf:key::" }
  }

  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].image == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/smarterise/api_service:1.4.0"
      && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem
      && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "10001"
    )
    error_message = "The container is not the image, or may too much."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment == [{ name = "DATABASE_HOST", value = "db" }]
    error_message = "The application must get its environment variables."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].logConfiguration.options["awslogs-group"] == "/aws/ecs/api_service" && aws_cloudwatch_log_group.this.retention_in_days == 90
    error_message = "The log must go to the group of the guide."
  }
  assert {
    condition     = data.aws_iam_policy_document.execution.statement[3].resources == toset(["arn:aws:secretsmanager:eu-west-1:123456789012:secret:web-AbCdEf"])
    error_message = "Only the secret itself may be read, whatever part of it is meant."
  }
}

run "without_secrets_none_may_be_read" {
  command = plan

  assert {
    condition     = length(data.aws_iam_policy_document.execution.statement) == 3 && length(aws_iam_role_policy.task) == 0
    error_message = "Only the given policies may be attached."
  }
}

run "an_image_by_its_digest" {
  command = plan
  variables {
    image = { repository_url = "registry/api", tag = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
  }

  assert {
    condition     = strcontains(aws_ecs_task_definition.this.container_definitions, "registry/api@sha256:0123")
    error_message = "A digest is named after an @."
  }
}

run "bad_versions_are_taken_back_and_told_of" {
  command = plan

  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback && aws_ecs_service.this.deployment_minimum_healthy_percent == 100
    error_message = "A failed deployment must be rolled back without downtime."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.deployment_failed.event_pattern).resources == ["arn:aws:ecs:eu-west-1:123456789012:service/smarterise/api_service"] && aws_cloudwatch_event_target.deployment_failed.arn == var.alert_topic_arn
    error_message = "A failed deployment must be reported."
  }
  assert {
    condition     = !one(aws_ecs_service.this.network_configuration).assign_public_ip
    error_message = "Tasks have no public address."
  }
}

run "tasks_come_and_go" {
  command = plan
  variables {
    scaling = { fewest = 1, most = 10 }
  }

  assert {
    condition     = aws_appautoscaling_target.this.min_capacity == 1 && aws_appautoscaling_target.this.max_capacity == 10 && aws_appautoscaling_target.this.resource_id == "service/smarterise/api_service"
    error_message = "The service must scale between the given limits."
  }
  assert {
    condition     = aws_appautoscaling_policy.this["requests"].target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].resource_label == var.request_count_label
    error_message = "Scaling by requests must know the load balancer."
  }
}

run "spare_capacity_comes_after_the_first_task" {
  command = plan
  variables {
    spot_enabled = true
  }

  assert {
    condition     = toset([for strategy in aws_ecs_service.this.capacity_provider_strategy : "${strategy.capacity_provider}:${strategy.weight}"]) == toset(["FARGATE:0", "FARGATE_SPOT:1"])
    error_message = "All tasks after the first must use Fargate Spot."
  }
}

run "latest_is_refused" {
  command = plan
  variables {
    image = { repository_url = "registry/api", tag = "latest" }
  }
  expect_failures = [var.image]
}

run "a_size_that_fargate_has_not_is_refused" {
  command = plan
  variables {
    task = { cpu = 256, memory_mb = 4096 }
  }
  expect_failures = [var.task]
}

run "root_is_refused" {
  command = plan
  variables {
    container_user = "0"
  }
  expect_failures = [var.container_user]
}

run "a_password_in_the_environment_is_refused" {
  command = plan
  variables {
    environment = { DATABASE_PASSWORD = "x" }
  }
  expect_failures = [var.environment]
}

run "fewer_at_most_than_at_least_is_refused" {
  command = plan
  variables {
    scaling = { fewest = 4, most = 2 }
  }
  expect_failures = [var.scaling]
}

run "a_target_that_is_never_met_in_time_is_refused" {
  command = plan
  variables {
    scaling = { cpu_percent = 100 }
  }
  expect_failures = [var.scaling]
}

run "another_processor_is_refused" {
  command = plan
  variables {
    architecture = "arm64"
  }
  expect_failures = [var.architecture]
}

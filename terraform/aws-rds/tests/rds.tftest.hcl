mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/a-role" }
  }
  mock_resource "aws_db_instance" {
    override_during = plan
    defaults = {
      address            = "instance.rds.amazonaws.com"
      resource_id        = "db-ABC"
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1", kms_key_id = "k", secret_status = "active" }]
    }
  }
  mock_resource "aws_db_proxy" {
    override_during = plan
    defaults = {
      arn      = "arn:aws:rds:eu-west-1:123456789012:db-proxy:prx-0123"
      endpoint = "proxy.rds.amazonaws.com"
    }
  }
}

variables {
  place              = { account_id = "123456789012", region = "eu-west-1", partition = "aws" }
  kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/1"
  network            = { database_subnet_ids = ["subnet-1", "subnet-2"], database_security_group_id = "sg-1", proxy_security_group_id = "sg-2" }
  state_bucket       = { name = "smarterise-rds-state1", arn = "arn:aws:s3:::smarterise-rds-state1" }
  alert_topic_arn    = "arn:aws:sns:eu-west-1:123456789012:smarterise-alerts"
  log_retention_days = 90
  username           = "dbadmin"
}

run "the_database_is_encrypted_private_and_kept" {
  command = plan

  assert {
    condition     = aws_db_instance.this.identifier == "postgresql-instance" && aws_db_instance.this.db_name == "smarterise"
    error_message = "The database must have the identifier of its metrics."
  }
  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible && aws_db_instance.this.iam_database_authentication_enabled
    error_message = "The database must be encrypted, private, and take IAM logins."
  }
  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.backup_retention_period == 14
    error_message = "The database must not be lost."
  }
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null && aws_db_instance.this.performance_insights_enabled
    error_message = "RDS must manage the password and enable Performance Insights."
  }
  assert {
    condition     = contains([for parameter in aws_db_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"], "rds.force_ssl=1") && aws_db_parameter_group.this.family == "postgres17"
    error_message = "Logins without TLS must be refused."
  }
}

run "functions_go_to_the_instance" {
  command = plan

  assert {
    condition     = output.database.host == "instance.rds.amazonaws.com" && output.database.resource_id == "db-ABC" && length(aws_db_proxy.this) == 0
    error_message = "Without a proxy functions go to the instance."
  }
}

run "with_a_proxy_functions_go_to_it" {
  command = plan
  variables {
    proxy_enabled = true
  }

  assert {
    condition     = output.database.host == "proxy.rds.amazonaws.com" && output.database.resource_id == "prx-0123" && output.database.direct_host == "instance.rds.amazonaws.com"
    error_message = "Functions must go to the proxy, and migrations to the instance."
  }
  assert {
    condition     = data.aws_iam_policy_document.proxy.statement[0].resources == toset(["arn:aws:rds-db:eu-west-1:123456789012:dbuser:db-ABC/smarterise_functions"])
    error_message = "The proxy must log in only as the functions' user."
  }
  assert {
    condition     = aws_db_proxy.this[0].require_tls && aws_db_proxy.this[0].default_auth_scheme == "IAM_AUTH"
    error_message = "The proxy must require TLS and IAM."
  }
}

run "a_replica_follows" {
  command = plan
  variables {
    replica_enabled = true
  }

  assert {
    condition     = aws_db_instance.replica[0].replicate_source_db == "postgresql-instance" && aws_db_instance.replica[0].storage_encrypted && length(aws_cloudwatch_metric_alarm.replica_behind) == 1
    error_message = "The replica must follow, encrypted and watched."
  }
}

run "with_a_replica_the_password_is_not_made_by_rds" {
  command = plan
  variables {
    replica_enabled        = true
    owner_password_version = 2
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password == null && aws_db_instance.this.password_wo_version == 2 && aws_secretsmanager_secret_version.owner[0].secret_string_wo_version == 2
    error_message = "With a replica RDS cannot manage the password; database and secret must get the same one."
  }
}

run "an_environment_may_be_lost_on_purpose" {
  command = plan
  variables {
    destroy_with_data_enabled = true
  }

  assert {
    condition     = !aws_db_instance.this.deletion_protection && aws_db_instance.this.skip_final_snapshot
    error_message = "What may be lost must go without a snapshot."
  }
}

run "logs_are_kept_as_long_as_told" {
  command = plan

  assert {
    condition     = toset([for group in aws_cloudwatch_log_group.instance : "${group.name}:${group.retention_in_days}"]) == toset(["/aws/rds/instance/postgresql-instance/postgresql:90", "/aws/rds/instance/postgresql-instance/upgrade:90"])
    error_message = "The log groups are not those that RDS writes to."
  }
}

run "an_owner_that_postgres_keeps_is_refused" {
  command = plan
  variables {
    username = "postgres"
  }
  expect_failures = [var.username]
}

run "functions_as_owner_are_refused" {
  command = plan
  variables {
    function_user = "dbadmin"
    iam_users     = ["dbadmin"]
  }
  expect_failures = [var.function_user]
}

run "a_proxy_that_functions_cannot_use_is_refused" {
  command = plan
  variables {
    iam_users = ["web"]
  }
  expect_failures = [var.iam_users]
}

run "no_backups_are_refused" {
  command = plan
  variables {
    backup_retention_days = 0
  }
  expect_failures = [var.backup_retention_days]
}

run "no_room_to_grow_is_refused" {
  command = plan
  variables {
    storage_gb       = 100
    storage_limit_gb = 110
  }
  expect_failures = [var.storage_limit_gb]
}

run "an_old_postgres_is_refused" {
  command = plan
  variables {
    engine_version = "12.4"
  }
  expect_failures = [var.engine_version]
}

run "a_machine_of_another_service_is_refused" {
  command = plan
  variables {
    instance_class = "t4g.medium"
  }
  expect_failures = [var.instance_class]
}

# PostgreSQL on RDS: encrypted, TLS only, the owner's password in no state.

locals {
  family        = "postgres${split(".", var.engine_version)[0]}"
  log_kinds     = toset(["postgresql", "upgrade"])
  replica_name  = "${var.name}-replica"
  instance_host = aws_db_instance.this.address
  # IAM logins through the proxy use the proxy's id, the last part of its ARN.
  proxy_resource_id = one([for proxy in aws_db_proxy.this : element(split(":", proxy.arn), -1)])
}

resource "aws_db_subnet_group" "this" {
  name_prefix = "${var.name}-"
  description = "Where the database ${var.name} may be"
  subnet_ids  = var.network.database_subnet_ids

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-"
  description = "How the database ${var.name} is set"
  family      = local.family

  dynamic "parameter" {
    for_each = {
      "rds.force_ssl"                       = { value = "1", method = "immediate" }
      "log_connections"                     = { value = "1", method = "immediate" }
      "log_disconnections"                  = { value = "1", method = "immediate" }
      "log_lock_waits"                      = { value = "1", method = "immediate" }
      "log_min_duration_statement"          = { value = tostring(var.slow_statement_ms), method = "immediate" }
      "log_statement"                       = { value = "ddl", method = "immediate" }
      "idle_in_transaction_session_timeout" = { value = "60000", method = "immediate" }
      "shared_preload_libraries"            = { value = "pg_stat_statements", method = "pending-reboot" }
    }

    content {
      name         = parameter.key
      value        = parameter.value.value
      apply_method = parameter.value.method
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Created before the instance, which would otherwise create them without retention.
resource "aws_cloudwatch_log_group" "instance" {
  for_each = local.log_kinds

  #checkov:skip=CKV_AWS_338:The environment sets the retention; long-term data is in the buckets
  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV2_AWS_69:The parameter group has rds.force_ssl
  #checkov:skip=CKV_AWS_157:The environment enables a second zone, by multi_az_enabled
  #checkov:skip=CKV_AWS_293:Deletion protection is set by the environment, on by default
  identifier     = var.name
  engine         = "postgres"
  engine_version = var.engine_version
  instance_class = var.instance_class
  port           = var.port
  db_name        = var.database_name

  username                            = var.username
  manage_master_user_password         = var.replica_enabled ? null : true
  master_user_secret_kms_key_id       = var.replica_enabled ? null : var.kms_key_arn
  password_wo                         = var.replica_enabled ? ephemeral.random_password.owner[0].result : null
  password_wo_version                 = var.replica_enabled ? var.owner_password_version : null
  iam_database_authentication_enabled = true
  ca_cert_identifier                  = "rds-ca-rsa2048-g1"

  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn
  allocated_storage     = var.storage_gb
  max_allocated_storage = var.storage_limit_gb

  multi_az               = var.multi_az_enabled
  publicly_accessible    = false
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [var.network.database_security_group_id]
  parameter_group_name   = aws_db_parameter_group.this.name

  backup_retention_period   = var.backup_retention_days
  backup_window             = var.backup_window
  maintenance_window        = var.maintenance_window
  copy_tags_to_snapshot     = true
  delete_automated_backups  = var.destroy_with_data_enabled
  deletion_protection       = !var.destroy_with_data_enabled
  skip_final_snapshot       = var.destroy_with_data_enabled
  final_snapshot_identifier = var.destroy_with_data_enabled ? null : "${var.name}-final"
  snapshot_identifier       = var.snapshot_identifier

  auto_minor_version_upgrade  = true
  allow_major_version_upgrade = var.major_upgrade_enabled
  apply_immediately           = var.apply_immediately_enabled

  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.kms_key_arn
  performance_insights_retention_period = 7
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
  enabled_cloudwatch_logs_exports       = local.log_kinds

  depends_on = [aws_cloudwatch_log_group.instance]
}

resource "aws_cloudwatch_log_group" "replica" {
  for_each = var.replica_enabled ? local.log_kinds : []

  #checkov:skip=CKV_AWS_338:The environment sets the retention; long-term data is in the buckets
  name              = "/aws/rds/instance/${local.replica_name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

# Read replica for long queries: reports, long views of the web application.
resource "aws_db_instance" "replica" {
  count = var.replica_enabled ? 1 : 0

  #checkov:skip=CKV2_AWS_69:The parameter group has rds.force_ssl
  #checkov:skip=CKV_AWS_157:The replica is the second copy
  #checkov:skip=CKV_AWS_293:All its data is in the primary instance
  identifier          = local.replica_name
  replicate_source_db = aws_db_instance.this.identifier
  instance_class      = var.instance_class
  port                = var.port

  iam_database_authentication_enabled = true
  ca_cert_identifier                  = "rds-ca-rsa2048-g1"

  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn
  max_allocated_storage = var.storage_limit_gb

  publicly_accessible    = false
  vpc_security_group_ids = [var.network.database_security_group_id]
  parameter_group_name   = aws_db_parameter_group.this.name

  backup_retention_period    = 0
  maintenance_window         = var.maintenance_window
  copy_tags_to_snapshot      = true
  skip_final_snapshot        = true
  auto_minor_version_upgrade = true
  apply_immediately          = var.apply_immediately_enabled

  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.kms_key_arn
  performance_insights_retention_period = 7
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
  enabled_cloudwatch_logs_exports       = local.log_kinds

  depends_on = [aws_cloudwatch_log_group.replica]
}

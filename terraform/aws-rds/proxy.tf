# RDS Proxy: functions share connections, and a failover is transparent. All logins use IAM.

resource "aws_cloudwatch_log_group" "proxy" {
  count = var.proxy_enabled ? 1 : 0

  #checkov:skip=CKV_AWS_338:The environment sets the retention; long-term data is in the buckets
  name              = "/aws/rds/proxy/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_db_proxy" "this" {
  count = var.proxy_enabled ? 1 : 0

  name                   = var.name
  engine_family          = "POSTGRESQL"
  default_auth_scheme    = "IAM_AUTH"
  require_tls            = true
  idle_client_timeout    = 1800
  role_arn               = aws_iam_role.proxy[0].arn
  vpc_subnet_ids         = var.network.database_subnet_ids
  vpc_security_group_ids = [var.network.proxy_security_group_id]

  depends_on = [aws_cloudwatch_log_group.proxy]
}

resource "aws_db_proxy_default_target_group" "this" {
  count = var.proxy_enabled ? 1 : 0

  db_proxy_name = aws_db_proxy.this[0].name

  connection_pool_config {
    connection_borrow_timeout    = 30
    max_connections_percent      = 80 # the rest is for migrations and operators
    max_idle_connections_percent = 20
  }
}

resource "aws_db_proxy_target" "this" {
  count = var.proxy_enabled ? 1 : 0

  db_proxy_name          = aws_db_proxy.this[0].name
  target_group_name      = aws_db_proxy_default_target_group.this[0].name
  db_instance_identifier = aws_db_instance.this.identifier
}

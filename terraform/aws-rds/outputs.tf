output "database" {
  description = "Connection data of the functions: host of the proxy, if enabled, and of the instance for migrations."
  value = {
    host              = var.proxy_enabled ? aws_db_proxy.this[0].endpoint : local.instance_host
    port              = var.port
    name              = var.database_name
    resource_id       = var.proxy_enabled ? local.proxy_resource_id : aws_db_instance.this.resource_id
    function_user     = var.function_user
    master_secret_arn = var.replica_enabled ? aws_secretsmanager_secret.owner[0].arn : aws_db_instance.this.master_user_secret[0].secret_arn
    direct_host       = local.instance_host

    instance_resource_id = aws_db_instance.this.resource_id
  }

  # The proxy responds only after its target is registered.
  depends_on = [aws_db_proxy_target.this]
}

output "instance_id" {
  description = "Identifier of the instance."
  value       = aws_db_instance.this.identifier
}

output "instance_arn" {
  description = "ARN of the instance, for backups."
  value       = aws_db_instance.this.arn
}

output "subnet_group_name" {
  description = "Subnet group of the instance, for restored instances."
  value       = aws_db_subnet_group.this.name
}

output "parameter_group_name" {
  description = "Parameter group of the instance, for restored instances."
  value       = aws_db_parameter_group.this.name
}

output "replica_host" {
  description = "Host of the replica; null without one."
  value       = one(aws_db_instance.replica[*].address)
}

output "login_arn" {
  description = "Resource ARN prefix for rds-db:connect, without the user name."
  value       = "${local.dbuser_arn}:${var.proxy_enabled ? local.proxy_resource_id : aws_db_instance.this.resource_id}"
}

output "export_role_arn" {
  description = "Role for snapshot exports."
  value       = aws_iam_role.export.arn
}

output "log_group_names" {
  description = "Log groups of the database."
  value = concat(
    [for group in aws_cloudwatch_log_group.instance : group.name],
    [for group in aws_cloudwatch_log_group.replica : group.name],
    aws_cloudwatch_log_group.proxy[*].name,
  )
}

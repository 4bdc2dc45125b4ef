output "ftp_lambda_arn" {
  description = "ARN of the function that sweeps the FTP server."
  value       = module.ftp_to_s3.arn
}

output "ftp_lambda_function_name" {
  description = "Name of the function that sweeps the FTP server."
  value       = module.ftp_to_s3.name
}

output "functions" {
  description = "Functions by their key in the domain: name, ARN, role, log group and timeout."
  value = {
    for key, function in {
      ftp_to_s3         = module.ftp_to_s3
      s3_to_rds         = module.s3_to_rds
      kinesis_to_s3_rds = module.kinesis_to_s3_rds
      alarm_notifier    = module.alarm_notifier
      ingest_manager    = module.ingest_manager
      migrate_database  = module.migrate_database
      } : key => {
      name            = function.name
      arn             = function.arn
      role_arn        = function.role_arn
      log_group       = function.log_group
      timeout_seconds = function.timeout_seconds
    }
  }
}

output "failure_queues" {
  description = "Queues of invocations that failed after all retries."
  value = [
    module.ftp_to_s3.failure_queue,
    module.s3_to_rds.failure_queue,
    module.alarm_notifier.failure_queue,
    module.migrate_database.failure_queue,
  ]
}

output "ftp_secret_arn" {
  description = "Secret of the FTP server."
  value       = aws_secretsmanager_secret.ftp.arn
}

output "database_url_secret_arn" {
  description = "Secret with the URL of the external database; null without one."
  value       = one(aws_secretsmanager_secret.database_url[*].arn)
}

output "data_lake" {
  description = "Name and ARN of the lake's bucket."
  value       = { name = module.data_lake.name, arn = module.data_lake.arn }
}

output "athena_results" {
  description = "Name and ARN of the bucket of query results."
  value       = { name = module.athena_results.name, arn = module.athena_results.arn }
}

output "device_certificates" {
  description = "Name and ARN of the bucket of the devices' certificates."
  value       = { name = module.device_certificates.name, arn = module.device_certificates.arn }
}

output "rds_state" {
  description = "Name and ARN of the bucket of the database's exports."
  value       = { name = module.rds_state.name, arn = module.rds_state.arn }
}

output "access_logs" {
  description = "Name and ARN of the bucket of access logs."
  value       = { name = module.access_logs.name, arn = module.access_logs.arn }
}

output "athena_workgroup" {
  description = "Workgroup that queries of the lake run in."
  value       = aws_athena_workgroup.this.name
}

output "glue_database" {
  description = "Database of the lake's table."
  value       = aws_glue_catalog_database.this.name
}

output "glue_table" {
  description = "Table of the raw lake."
  value       = aws_glue_catalog_table.raw_readings.name
}

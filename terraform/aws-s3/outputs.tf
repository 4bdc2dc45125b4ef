output "data_lake" {
  description = "Name and ARN of the data lake bucket."
  value       = { name = module.data_lake.name, arn = module.data_lake.arn }
}

output "athena_results" {
  description = "Name and ARN of the bucket of Athena query results."
  value       = { name = module.athena_results.name, arn = module.athena_results.arn }
}

output "device_certificates" {
  description = "Name and ARN of the bucket of the device certificates."
  value       = { name = module.device_certificates.name, arn = module.device_certificates.arn }
}

output "rds_state" {
  description = "Name and ARN of the bucket of the database exports."
  value       = { name = module.rds_state.name, arn = module.rds_state.arn }
}

output "access_logs" {
  description = "Name and ARN of the bucket of access logs."
  value       = { name = module.access_logs.name, arn = module.access_logs.arn }
}

output "athena_workgroup" {
  description = "Athena workgroup for queries of the data lake."
  value       = aws_athena_workgroup.this.name
}

output "glue_database" {
  description = "Glue database of the raw readings table."
  value       = aws_glue_catalog_database.this.name
}

output "glue_table" {
  description = "Glue table of the raw readings."
  value       = aws_glue_catalog_table.raw_readings.name
}

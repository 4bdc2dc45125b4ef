# Outputs of the guide, and the names of the stack's resources.

output "ftp_lambda_arn" {
  description = "ARN of the function that collects files by FTP."
  value       = module.lambda.ftp_lambda_arn
}

output "ftp_lambda_function_name" {
  description = "Name of the function that collects files by FTP."
  value       = module.lambda.ftp_lambda_function_name
}

output "site_switching_instructions" {
  description = "Instructions for switching the tier of a site."
  value       = module.site_config.site_switching_instructions
}

output "site_config_bucket" {
  description = "Bucket of the site file."
  value       = module.site_config.bucket_name
}

output "site_config_key" {
  description = "Key of the site file."
  value       = module.site_config.key
}

output "site_config_manager" {
  description = "Name of the function that reads and changes the site file."
  value       = module.site_config.manager_name
}

output "s3_to_rds" {
  description = "Name of the function that loads files into the database."
  value       = module.lambda.functions.s3_to_rds.name
}

output "kinesis_to_s3_rds" {
  description = "Name of the function that loads the stream."
  value       = module.lambda.functions.kinesis_to_s3_rds.name
}

output "alarm_notifier" {
  description = "Name of the function that sends alarm e-mails."
  value       = module.lambda.functions.alarm_notifier.name
}

output "ingest_manager" {
  description = "Name of the function that serves operators' queries about the ingest pipeline."
  value       = module.lambda.functions.ingest_manager.name
}

output "migrate_database" {
  description = "Name of the function that runs schema migrations; each deployment that changes it invokes it."
  value       = module.lambda.functions.migrate_database.name
}

output "collection_rules" {
  description = "FTP collection rules, by tier."
  value       = { for tier, rule in module.enhanced_eventbridge.rules : tier => rule.name }
}

output "stream" {
  description = "Name of the stream."
  value       = module.kinesis.name
}

output "topic_prefix" {
  description = "Topic prefix: gateways publish to <prefix>/<gateway serial>."
  value       = module.meta.names.topic_prefix
}

output "topic_rule" {
  description = "IoT topic rule from topic to stream."
  value       = module.iot.topic_rule_name
}

output "log_groups" {
  description = "Log groups of the functions."
  value = concat(
    [for function in module.lambda.functions : function.log_group],
    [module.site_config.log_group],
  )
}

output "metric_namespace" {
  description = "Namespace of the stack's own metrics."
  value       = module.meta.names.metric_namespace
}

output "alarm_prefix" {
  description = "Alarm prefix: alarms of a site are named <prefix>-<gateway serial>-<rule>."
  value       = module.meta.names.alarm_prefix
}

output "alert_topic" {
  description = "Name of the alert topic."
  value       = module.ses.alert_topic_name
}

output "alert_topic_arn" {
  description = "ARN of the alert topic."
  value       = module.ses.alert_topic_arn
}

output "data_lake_bucket" {
  description = "Data lake bucket."
  value       = module.s3.data_lake.name
}

output "athena_results_bucket" {
  description = "Bucket of Athena query results."
  value       = module.s3.athena_results.name
}

output "device_certificate_bucket" {
  description = "Bucket of the device certificates."
  value       = module.s3.device_certificates.name
}

output "rds_state_bucket" {
  description = "Bucket of the database exports."
  value       = module.s3.rds_state.name
}

output "athena_workgroup" {
  description = "Athena workgroup for queries of the data lake."
  value       = module.s3.athena_workgroup
}

output "device_policies" {
  description = "IoT policies of the gateways, by gateway serial."
  value       = module.iot.policy_names
}

output "dashboards" {
  description = "Names of the dashboards."
  value       = module.enhanced_lambda.dashboards
}

output "web_url" {
  description = "URL of the web application; null without it."
  value       = one(module.web_app[*].url)
}

output "web_repository_url" {
  description = "Repository URL for images of the web application; null without it."
  value       = try(module.ecr[0].repository_urls[local.web_repository], null)
}

output "name_servers" {
  description = "Name servers for the delegation in the parent zone, if the zone was created here."
  value       = module.route53.name_servers
}

output "audit_bucket" {
  description = "Bucket of the CloudTrail and AWS Config records; null without them."
  value       = one(module.audit[*].bucket_name)
}

output "backup_vault" {
  description = "Name of the backup vault; null without backups."
  value       = one(module.backups[*].vault_name)
}

output "backup_copy_vault" {
  description = "Name, ARN and region of the vault of the copies; null without backups."
  value       = one(module.backups[*].copy_vault)
}

output "backup_role_arn" {
  description = "Role for restores; null without backups."
  value       = one(module.backups[*].role_arn)
}

output "database_instance" {
  description = "Identifier of the database instance."
  value       = module.rds.instance_id
}

output "database_subnet_group" {
  description = "Subnet group for a restored database."
  value       = module.rds.subnet_group_name
}

output "database_security_group" {
  description = "Security group for a restored database."
  value       = module.vpc.security_group_ids.database
}

output "database_parameter_group" {
  description = "Parameter group for a restored database."
  value       = module.rds.parameter_group_name
}

output "budget" {
  description = "Name of the monthly budget."
  value       = module.costs.budget_name
}

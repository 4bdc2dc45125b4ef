# Outputs of the guide, and one for each name that the stack is known by.

output "ftp_lambda_arn" {
  description = "ARN of the function that collects files by FTP."
  value       = module.lambda.ftp_lambda_arn
}

output "ftp_lambda_function_name" {
  description = "Name of the function that collects files by FTP."
  value       = module.lambda.ftp_lambda_function_name
}

output "site_switching_instructions" {
  description = "How a site is switched from one tier to the other."
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
  description = "Name of the function that takes the stream."
  value       = module.lambda.functions.kinesis_to_s3_rds.name
}

output "alarm_notifier" {
  description = "Name of the function that tells people of alarms."
  value       = module.lambda.functions.alarm_notifier.name
}

output "ingest_manager" {
  description = "Name of the function that answers operators about the ingest pipeline."
  value       = module.lambda.functions.ingest_manager.name
}

output "migrate_database" {
  description = "Name of the function that brings the database's schema up to date; each deployment that brings a new one invokes it."
  value       = module.lambda.functions.migrate_database.name
}

output "collection_rules" {
  description = "Rules that have files collected, by tier."
  value       = { for tier, rule in module.enhanced_eventbridge.rules : tier => rule.name }
}

output "stream" {
  description = "Name of the stream."
  value       = module.kinesis.name
}

output "topic_prefix" {
  description = "Gateways publish on <this>/<gateway serial>."
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
  description = "Alarms of a site are named <this>-<gateway serial>-<rule>."
  value       = module.meta.names.alarm_prefix
}

output "alert_topic" {
  description = "Name of the topic that alarms go to."
  value       = module.ses.alert_topic_name
}

output "alert_topic_arn" {
  description = "ARN of the topic that alarms go to."
  value       = module.ses.alert_topic_arn
}

output "data_lake_bucket" {
  description = "Bucket of the lake."
  value       = module.s3.data_lake.name
}

output "athena_results_bucket" {
  description = "Bucket of query results."
  value       = module.s3.athena_results.name
}

output "device_certificate_bucket" {
  description = "Bucket of the devices' certificates."
  value       = module.s3.device_certificates.name
}

output "rds_state_bucket" {
  description = "Bucket of the database's exports."
  value       = module.s3.rds_state.name
}

output "athena_workgroup" {
  description = "Workgroup that queries of the lake run in."
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
  description = "Where the web application is; null without it."
  value       = one(module.web_app[*].url)
}

output "web_repository_url" {
  description = "What images of the web application are pushed to; null without it."
  value       = try(module.ecr[0].repository_urls[local.web_repository], null)
}

output "name_servers" {
  description = "Servers that the parent zone must name, for a zone that was made here."
  value       = module.route53.name_servers
}

output "audit_bucket" {
  description = "Bucket of what CloudTrail and AWS Config record; null without them."
  value       = one(module.audit[*].bucket_name)
}

output "backup_vault" {
  description = "Vault of the backups; null without them."
  value       = one(module.backups[*].vault_name)
}

output "backup_copy_vault" {
  description = "Vault of the copies in the second region: name, ARN and region; null without them."
  value       = one(module.backups[*].copy_vault)
}

output "backup_role_arn" {
  description = "Role to start restores with; null without backups."
  value       = one(module.backups[*].role_arn)
}

output "database_instance" {
  description = "Identifier of the database's instance."
  value       = module.rds.instance_id
}

output "database_subnet_group" {
  description = "Subnet group that a restored database belongs into."
  value       = module.rds.subnet_group_name
}

output "database_security_group" {
  description = "Security group that a restored database belongs into."
  value       = module.vpc.security_group_ids.database
}

output "database_parameter_group" {
  description = "Parameter group that a restored database is to have."
  value       = module.rds.parameter_group_name
}

output "budget" {
  description = "Name of the budget of the month."
  value       = module.costs.budget_name
}

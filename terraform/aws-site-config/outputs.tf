output "bucket_name" {
  description = "Bucket of the site file."
  value       = module.bucket.name
}

output "bucket_arn" {
  description = "ARN of the bucket of the site file."
  value       = module.bucket.arn
}

output "key" {
  description = "Key of the site file."
  value       = local.key
}

output "manager_name" {
  description = "Name of the function that reads and changes the site file."
  value       = module.manager.name
}

output "manager_arn" {
  description = "ARN of the function that reads and changes the site file."
  value       = module.manager.arn
}

output "manager_failure_queue" {
  description = "Queue of upload events that the function failed to process."
  value       = module.manager.failure_queue
}

output "manager_timeout_seconds" {
  description = "Timeout of the function, in seconds."
  value       = module.manager.timeout_seconds
}

output "log_group" {
  description = "Log group of the function."
  value       = module.manager.log_group
}

output "site_switching_instructions" {
  description = "Instructions for switching the tier of a site."
  value       = <<-EOT
    The site file with the tier of each site: s3://${var.names.site_config_bucket}/${local.key}:
    CRITICAL: streamed, with alarms. NON_CRITICAL: collected by FTP only, without alarms.
    Alarms, stream and schedules are updated within a minute after every change of the file.

    Show the sites:
      aws lambda invoke --function-name ${var.names.site_config_manager} \
        --payload '{"action": "get_config"}' response.json

    Switch a site:
      aws lambda invoke --function-name ${var.names.site_config_manager} \
        --payload '{"action": "update_sites", "updates": {"${keys(var.sites)[0]}": {"tier": "NON_CRITICAL"}}}' \
        response.json

    Switch a site manually:
      aws s3 cp s3://${var.names.site_config_bucket}/${local.key} .
      (edit the tier)
      aws s3 cp ${local.key} s3://${var.names.site_config_bucket}/

    Or with plan, verification and undo:
      smarterise-ops sites bulk-update --set ${keys(var.sites)[0]}=NON_CRITICAL --reason "why"

    (AWS CLI version 2: run aws configure set cli_binary_format raw-in-base64-out once)
  EOT
}

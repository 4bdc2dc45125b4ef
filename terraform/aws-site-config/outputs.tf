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
  description = "Queue that keeps uploads which the function could not carry out."
  value       = module.manager.failure_queue
}

output "manager_timeout_seconds" {
  description = "Longest that one invocation of the function may take."
  value       = module.manager.timeout_seconds
}

output "log_group" {
  description = "Log group of the function."
  value       = module.manager.log_group
}

output "site_switching_instructions" {
  description = "How a site is switched from one tier to the other."
  value       = <<-EOT
    Which tier a site has is said in s3://${var.names.site_config_bucket}/${local.key}:
    CRITICAL is streamed live and its alarms tell; NON_CRITICAL comes by FTP alone.
    Alarms, stream and schedules follow the file within a minute, whichever road it came by.

    See it:
      aws lambda invoke --function-name ${var.names.site_config_manager} \
        --payload '{"action": "get_config"}' response.json

    Switch a site:
      aws lambda invoke --function-name ${var.names.site_config_manager} \
        --payload '{"action": "update_sites", "updates": {"${keys(var.sites)[0]}": {"tier": "NON_CRITICAL"}}}' \
        response.json

    Switch it by hand:
      aws s3 cp s3://${var.names.site_config_bucket}/${local.key} .
      (edit the tier)
      aws s3 cp ${local.key} s3://${var.names.site_config_bucket}/

    Or with a plan, a check and a way back:
      smarterise-ops sites bulk-update --set ${keys(var.sites)[0]}=NON_CRITICAL --reason "why"

    (AWS CLI version 2: once before, aws configure set cli_binary_format raw-in-base64-out)
  EOT
}

output "account_id" {
  description = "AWS account of the stack."
  value       = local.account_id
}

output "region" {
  description = "AWS region of the stack."
  value       = local.region
}

output "partition" {
  description = "AWS partition, for ARNs."
  value       = local.partition
}

output "names" {
  description = "Names of the stack's resources, by their key in the domain."
  value       = local.names
}

output "functions" {
  description = "Names of the functions, by their key in the domain."
  value       = local.functions
}

output "function_arns" {
  description = "ARNs of the functions by their key in the domain, for references to functions that do not exist yet."
  value = {
    for key, name in local.functions :
    key => "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${name}"
  }
}

output "domain" {
  description = "Tiers, metrics, quality profiles and alarm rules of the domain."
  value       = local.domain
}

output "kms_key_arn" {
  description = "KMS key of the stack."
  value       = aws_kms_key.this.arn
}

output "account_id" {
  description = "The AWS account that the stack is in."
  value       = local.account_id
}

output "region" {
  description = "The AWS region that the stack is in."
  value       = local.region
}

output "partition" {
  description = "The AWS partition, for ARNs."
  value       = local.partition
}

output "names" {
  description = "What every part of the stack is called, by the domain's own word for it."
  value       = local.names
}

output "functions" {
  description = "Names of the functions, by the domain's own word for each."
  value       = local.functions
}

output "function_arns" {
  description = "ARNs of the functions, by the domain's own word: for whoever must name a function that does not stand yet."
  value = {
    for word, name in local.functions :
    word => "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${name}"
  }
}

output "domain" {
  description = "Tiers, metrics, quality profiles and alarm rules, as the code has them."
  value       = local.domain
}

output "kms_key_arn" {
  description = "The key that encrypts what the stack keeps."
  value       = aws_kms_key.this.arn
}

output "zone_id" {
  description = "Id of the zone."
  value       = local.zone_id
}

output "name_servers" {
  description = "Servers that the parent zone must name for a zone made here; empty for one that was found."
  value       = flatten(aws_route53_zone.this[*].name_servers)
}

output "certificate_arns" {
  description = "Certificates by whom they are for, each once it is proven."
  value       = { for word, validation in aws_acm_certificate_validation.this : word => validation.certificate_arn }
}

output "names" {
  description = "Names that lead somewhere by an alias."
  value       = distinct([for alias in values(var.aliases) : alias.name])
}

output "zone_id" {
  description = "Id of the zone."
  value       = local.zone_id
}

output "name_servers" {
  description = "Name servers for the delegation of a zone created here; empty for an existing one."
  value       = flatten(aws_route53_zone.this[*].name_servers)
}

output "certificate_arns" {
  description = "Certificates by purpose, once validated."
  value       = { for key, validation in aws_acm_certificate_validation.this : key => validation.certificate_arn }
}

output "names" {
  description = "Names of the alias records."
  value       = distinct([for alias in values(var.aliases) : alias.name])
}

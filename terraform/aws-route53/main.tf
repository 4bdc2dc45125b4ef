# DNS: the zone (created or existing), the web application's address, and mail records.

locals {
  zone_name = coalesce(var.zone_name, var.domain)
  zone_id   = var.zone_creation_enabled ? aws_route53_zone.this[0].zone_id : data.aws_route53_zone.this[0].zone_id
}

resource "aws_route53_zone" "this" {
  count = var.zone_creation_enabled ? 1 : 0

  #checkov:skip=CKV2_AWS_38:DNSSEC needs a record in the parent zone, which has another owner
  #checkov:skip=CKV2_AWS_39:Requests are in the CloudFront log; Route53 query logs would be in another region
  name          = local.zone_name
  comment       = "The zone of the stack"
  force_destroy = false
}

data "aws_route53_zone" "this" {
  count = var.zone_creation_enabled ? 0 : 1

  name         = local.zone_name
  private_zone = false
}

resource "aws_route53_record" "alias" {
  for_each = var.aliases

  zone_id = local.zone_id
  name    = each.value.name
  type    = each.value.type

  alias {
    name                   = each.value.target_name
    zone_id                = each.value.target_zone_id
    evaluate_target_health = false # has no effect for CloudFront
  }
}

resource "aws_route53_record" "plain" {
  for_each = var.records

  zone_id = local.zone_id
  name    = each.value.name
  type    = each.value.type
  ttl     = each.value.ttl_seconds
  records = each.value.values
}

# CAA: only Amazon may issue certificates for the domain.
resource "aws_route53_record" "authorities" {
  count = var.certificate_authorities == null ? 0 : 1

  zone_id = local.zone_id
  name    = var.domain
  type    = "CAA"
  ttl     = 3600
  records = [for authority in var.certificate_authorities : "0 issue \"${authority}\""]
}

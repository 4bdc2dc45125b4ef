# Names: the zone, made here or found, the web application's address, and what other mail servers ask for.

locals {
  zone_name = coalesce(var.zone_name, var.domain)
  zone_id   = var.zone_creation_enabled ? aws_route53_zone.this[0].zone_id : data.aws_route53_zone.this[0].zone_id
}

resource "aws_route53_zone" "this" {
  count = var.zone_creation_enabled ? 1 : 0

  #checkov:skip=CKV2_AWS_38:Signing needs the parent zone's owner to add a record, who is somebody else
  #checkov:skip=CKV2_AWS_39:Who asks for the address is in the log of CloudFront, and Route53 would write it to another region
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
    evaluate_target_health = false # of CloudFront it tells nothing
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

# Nobody but Amazon may vouch for the domain.
resource "aws_route53_record" "authorities" {
  count = var.certificate_authorities == null ? 0 : 1

  zone_id = local.zone_id
  name    = var.domain
  type    = "CAA"
  ttl     = 3600
  records = [for authority in var.certificate_authorities : "0 issue \"${authority}\""]
}

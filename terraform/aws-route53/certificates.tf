# Certificates of the domain, in the region of the service that uses them: us-east-1 for CloudFront.

locals {
  certified_names = toset(concat([var.domain], var.alternative_names))

  # The validation record is the same for all certificates of a name in an account, in every region.
  proving = one(slice(sort(keys(var.certificate_regions)), 0, min(1, length(var.certificate_regions))))
  proofs = local.proving == null ? {} : {
    for name in local.certified_names :
    name => one([for option in aws_acm_certificate.this[local.proving].domain_validation_options : option if option.domain_name == name])
  }
}

resource "aws_acm_certificate" "this" {
  for_each = var.certificate_regions

  region                    = each.value
  domain_name               = var.domain
  subject_alternative_names = var.alternative_names
  validation_method         = "DNS"
  key_algorithm             = "EC_prime256v1"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "proof" {
  for_each = local.proofs

  zone_id = local.zone_id
  name    = each.value.resource_record_name
  type    = each.value.resource_record_type
  ttl     = 300
  records = [each.value.resource_record_value]
}

resource "aws_acm_certificate_validation" "this" {
  for_each = var.certificate_regions

  region                  = each.value
  certificate_arn         = aws_acm_certificate.this[each.key].arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

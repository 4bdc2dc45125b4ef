mock_provider "aws" {
  mock_data "aws_route53_zone" {
    defaults = { zone_id = "ZFOUND" }
  }
  mock_resource "aws_route53_zone" {
    override_during = plan
    defaults        = { zone_id = "ZMADE", name_servers = ["ns-1.example.com"] }
  }
  mock_resource "aws_acm_certificate" {
    override_during = plan
    defaults = {
      arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
      domain_validation_options = [{
        domain_name           = "dev.demo.powersmarter.net"
        resource_record_name  = "_a.dev.demo.powersmarter.net."
        resource_record_type  = "CNAME"
        resource_record_value = "_b.acm-validations.aws."
      }]
    }
  }
}

variables {
  domain = "dev.demo.powersmarter.net"
}

run "a_zone_that_is_there_is_found" {
  command = plan
  variables {
    zone_name = "powersmarter.net"
  }

  assert {
    condition     = output.zone_id == "ZFOUND" && length(aws_route53_zone.this) == 0 && data.aws_route53_zone.this[0].name == "powersmarter.net"
    error_message = "The zone must be looked up by its name."
  }
}

run "a_zone_can_be_made" {
  command = plan
  variables {
    zone_creation_enabled = true
  }

  assert {
    condition     = output.zone_id == "ZMADE" && aws_route53_zone.this[0].name == "dev.demo.powersmarter.net" && output.name_servers == ["ns-1.example.com"]
    error_message = "The zone must be made under the domain's name."
  }
}

run "one_proof_serves_every_region" {
  command = plan
  variables {
    certificate_regions = { cloudfront = "us-east-1", load_balancer = "eu-west-1" }
  }

  assert {
    condition     = aws_acm_certificate.this["cloudfront"].region == "us-east-1" && aws_acm_certificate.this["load_balancer"].region == "eu-west-1"
    error_message = "Each certificate must be in its region."
  }
  assert {
    condition     = length(aws_route53_record.proof) == 1 && aws_route53_record.proof["dev.demo.powersmarter.net"].type == "CNAME"
    error_message = "The proof of a name must be written once."
  }
  assert {
    condition     = length(aws_acm_certificate_validation.this) == 2
    error_message = "Each certificate must be waited for."
  }
}

run "the_address_leads_to_cloudfront" {
  command = plan
  variables {
    aliases = {
      web      = { name = "dev.demo.powersmarter.net", target_name = "d1.cloudfront.net", target_zone_id = "Z2FDTNDATAQYW2" }
      web_ipv6 = { name = "dev.demo.powersmarter.net", type = "AAAA", target_name = "d1.cloudfront.net", target_zone_id = "Z2FDTNDATAQYW2" }
    }
  }

  assert {
    condition     = aws_route53_record.alias["web"].alias[0].name == "d1.cloudfront.net" && aws_route53_record.alias["web_ipv6"].type == "AAAA"
    error_message = "The address must lead to CloudFront, by both kinds of addresses."
  }
  assert {
    condition     = aws_route53_record.authorities[0].records == toset(["0 issue \"amazon.com\""])
    error_message = "Only Amazon may issue certificates for the domain."
  }
}

run "letters_are_believed" {
  command = plan
  variables {
    mail = {
      domain           = "dev.demo.powersmarter.net"
      region           = "eu-west-1"
      dkim_tokens      = ["a", "b", "c"]
      mail_from_domain = "mail.dev.demo.powersmarter.net"
      dmarc_reports    = "postmaster@powersmarter.net"
    }
  }

  assert {
    condition     = [for record in aws_route53_record.dkim : record.name] == ["a._domainkey.dev.demo.powersmarter.net", "b._domainkey.dev.demo.powersmarter.net", "c._domainkey.dev.demo.powersmarter.net"]
    error_message = "The DKIM records must be those that SES expects."
  }
  assert {
    condition     = aws_route53_record.bounces[0].records == toset(["10 feedback-smtp.eu-west-1.amazonses.com"]) && aws_route53_record.dmarc[0].records == toset(["v=DMARC1; p=quarantine; rua=mailto:postmaster@powersmarter.net"])
    error_message = "MAIL FROM and DMARC records are not correct."
  }
}

run "a_domain_without_dot_is_refused" {
  command = plan
  variables {
    domain = "localhost"
  }
  expect_failures = [var.domain]
}

run "a_zone_elsewhere_is_refused" {
  command = plan
  variables {
    zone_name = "example.com"
  }
  expect_failures = [var.zone_name]
}

run "a_certificate_that_cloudfront_does_not_see_is_refused" {
  command = plan
  variables {
    certificate_regions = { cloudfront = "eu-west-1" }
  }
  expect_failures = [var.certificate_regions]
}

run "a_name_elsewhere_is_refused" {
  command = plan
  variables {
    alternative_names = ["www.example.com"]
  }
  expect_failures = [var.alternative_names]
}

run "authorities_without_our_own_are_refused" {
  command = plan
  variables {
    certificate_authorities = ["letsencrypt.org"]
  }
  expect_failures = [var.certificate_authorities]
}

run "an_unknown_type_is_refused" {
  command = plan
  variables {
    records = { odd = { name = "x", type = "ALIAS", values = ["y"] } }
  }
  expect_failures = [var.records]
}

run "an_unknown_dmarc_policy_is_refused" {
  command = plan
  variables {
    mail = { domain = "d.net", region = "eu-west-1", dkim_tokens = ["a", "b", "c"], mail_from_domain = "mail.d.net", dmarc_policy = "delete" }
  }
  expect_failures = [var.mail]
}

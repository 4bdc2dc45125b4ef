# Mail authentication records: DKIM, MAIL FROM domain, SPF and DMARC.

resource "aws_route53_record" "dkim" {
  count = var.mail == null ? 0 : 3 # SES always creates three

  zone_id = local.zone_id
  name    = "${var.mail.dkim_tokens[count.index]}._domainkey.${var.mail.domain}"
  type    = "CNAME"
  ttl     = 1800
  records = ["${var.mail.dkim_tokens[count.index]}.dkim.amazonses.com"]
}

resource "aws_route53_record" "bounces" {
  count = var.mail == null ? 0 : 1

  zone_id = local.zone_id
  name    = var.mail.mail_from_domain
  type    = "MX"
  ttl     = 1800
  records = ["10 feedback-smtp.${var.mail.region}.amazonses.com"]
}

resource "aws_route53_record" "senders" {
  count = var.mail == null ? 0 : 1

  zone_id = local.zone_id
  name    = var.mail.mail_from_domain
  type    = "TXT"
  ttl     = 1800
  records = ["v=spf1 include:amazonses.com -all"]
}

resource "aws_route53_record" "dmarc" {
  count = var.mail == null ? 0 : 1

  zone_id = local.zone_id
  name    = "_dmarc.${var.mail.domain}"
  type    = "TXT"
  ttl     = 1800
  records = [join("; ", compact(["v=DMARC1", "p=${var.mail.dmarc_policy}", var.mail.dmarc_reports == null ? "" : "rua=mailto:${var.mail.dmarc_reports}"]))]
}

variable "domain" {
  description = "Domain of the web application, e.g. dev.demo.powersmarter.net."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "The domain must be a full name of small letters, digits and hyphens with a dot in it, e.g. dev.demo.powersmarter.net."
  }
}

variable "zone_name" {
  description = "Zone that the domain is in, e.g. powersmarter.net; null for a zone of the domain's own name."
  type        = string
  default     = null

  validation {
    condition     = var.zone_name == null ? true : endswith(".${var.domain}", ".${var.zone_name}")
    error_message = "zone_name must be the domain itself or a part of it from the right, e.g. powersmarter.net for dev.demo.powersmarter.net."
  }
}

variable "zone_creation_enabled" {
  description = "Whether the zone is made here; otherwise it must be in Route53 already."
  type        = bool
  default     = false
  nullable    = false
}

variable "alternative_names" {
  description = "Further names that the certificates are for, e.g. [\"www.dev.demo.powersmarter.net\"]."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.alternative_names : endswith(name, ".${var.domain}")])
    error_message = "alternative_names must be names under ${var.domain}, as they are proven in its zone."
  }
}

variable "certificate_regions" {
  description = "Regions that certificates are in, by whom they are for, e.g. { cloudfront = \"us-east-1\" }."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = lookup(var.certificate_regions, "cloudfront", "us-east-1") == "us-east-1"
    error_message = "The certificate of cloudfront must be in us-east-1: CloudFront looks nowhere else."
  }
}

variable "certificate_authorities" {
  description = "Authorities that may vouch for the domain; null to say nothing of it."
  type        = list(string)
  default     = ["amazon.com"]

  validation {
    condition     = var.certificate_authorities == null ? true : contains(var.certificate_authorities, "amazon.com")
    error_message = "certificate_authorities must have amazon.com, or the stack's own certificates could not be renewed; null says nothing of it."
  }
}

variable "aliases" {
  description = "Names that lead to things of AWS, by any word."
  type = map(object({
    name           = string
    type           = optional(string, "A")
    target_name    = string
    target_zone_id = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for alias in values(var.aliases) : contains(["A", "AAAA"], alias.type)])
    error_message = "The type of an alias must be A or AAAA."
  }
}

variable "records" {
  description = "Other records, by any word."
  type = map(object({
    name        = string
    type        = string
    ttl_seconds = optional(number, 300)
    values      = list(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for record in values(var.records) : contains(["A", "AAAA", "CNAME", "MX", "TXT", "SRV", "NS", "PTR", "CAA"], record.type)])
    error_message = "The type of a record must be one of A, AAAA, CNAME, MX, TXT, SRV, NS, PTR and CAA: ${join(", ", [for word, record in var.records : "${word} has ${record.type}" if !contains(["A", "AAAA", "CNAME", "MX", "TXT", "SRV", "NS", "PTR", "CAA"], record.type)])}."
  }

  validation {
    condition     = alltrue([for record in values(var.records) : length(record.values) > 0])
    error_message = "A record without values says nothing: give it one, or leave it out."
  }
}

variable "mail" {
  description = "The domain that letters are sent from, as `aws_ses` tells, and what is to become of letters that only pretend to; null for no mail."
  type = object({
    domain           = string
    region           = string
    dkim_tokens      = list(string)
    mail_from_domain = string
    dmarc_policy     = optional(string, "quarantine")
    dmarc_reports    = optional(string)
  })
  default = null

  validation {
    condition     = contains(["none", "quarantine", "reject"], try(var.mail.dmarc_policy, "none"))
    error_message = "dmarc_policy must be none, quarantine or reject."
  }
}

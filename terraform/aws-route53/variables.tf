variable "domain" {
  description = "Domain of the web application, e.g. dev.demo.powersmarter.net."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "The domain must be a full name of lowercase letters, digits and hyphens with a dot in it, e.g. dev.demo.powersmarter.net."
  }
}

variable "zone_name" {
  description = "Zone of the domain, e.g. powersmarter.net; null for a zone with the domain's name."
  type        = string
  default     = null

  validation {
    condition     = var.zone_name == null ? true : endswith(".${var.domain}", ".${var.zone_name}")
    error_message = "zone_name must be the domain or one of its parent domains, e.g. powersmarter.net for dev.demo.powersmarter.net."
  }
}

variable "zone_creation_enabled" {
  description = "Whether to create the zone; otherwise it must exist in Route53."
  type        = bool
  default     = false
  nullable    = false
}

variable "alternative_names" {
  description = "Additional names of the certificates, e.g. [\"www.dev.demo.powersmarter.net\"]."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.alternative_names : endswith(name, ".${var.domain}")])
    error_message = "alternative_names must be names under ${var.domain}, as they are validated in its zone."
  }
}

variable "certificate_regions" {
  description = "Regions of the certificates, by purpose, e.g. { cloudfront = \"us-east-1\" }."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = lookup(var.certificate_regions, "cloudfront", "us-east-1") == "us-east-1"
    error_message = "The certificate of cloudfront must be in us-east-1, as CloudFront requires."
  }
}

variable "certificate_authorities" {
  description = "Certificate authorities in the CAA record; null for no record."
  type        = list(string)
  default     = ["amazon.com"]

  validation {
    condition     = var.certificate_authorities == null ? true : contains(var.certificate_authorities, "amazon.com")
    error_message = "certificate_authorities must have amazon.com, or the stack's certificates could not be renewed; null creates no record."
  }
}

variable "aliases" {
  description = "Alias records for AWS resources, by any key."
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
  description = "Other records, by any key."
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
    error_message = "The type of a record must be one of A, AAAA, CNAME, MX, TXT, SRV, NS, PTR and CAA: ${join(", ", [for key, record in var.records : "${key} has ${record.type}" if !contains(["A", "AAAA", "CNAME", "MX", "TXT", "SRV", "NS", "PTR", "CAA"], record.type)])}."
  }

  validation {
    condition     = alltrue([for record in values(var.records) : length(record.values) > 0])
    error_message = "A record has no values: add one, or remove the record."
  }
}

variable "mail" {
  description = "Mail domain and records from `aws_ses`, and the DMARC policy; null for no mail."
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

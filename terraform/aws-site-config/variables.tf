variable "place" {
  description = "Account, region and partition of the stack; output of `meta`."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "names" {
  description = "Names of the stack's resources; output of `meta`."
  type        = map(string)
}

variable "tiers" {
  description = "Valid tiers; output of `meta`."
  type        = list(string)
}

variable "kms_key_arn" {
  description = "Key that encrypts bucket and log."
  type        = string
}

variable "sites" {
  description = "Sites of the initial site-tiers.json by gateway serial. Terraform never changes an existing file."
  type = map(object({
    tier            = optional(string, "CRITICAL")
    enabled         = optional(bool, true)
    name            = optional(string)
    asset_id        = optional(string)
    nominal_voltage = optional(number)
    capacity_kva    = optional(number)
    timezone        = optional(string)
    quality_profile = optional(string)
  }))

  validation {
    condition     = length(var.sites) > 0
    error_message = "There is no site: name at least one gateway serial in smart_device_names."
  }

  validation {
    condition     = alltrue([for serial in keys(var.sites) : can(regex("^[A-Za-z0-9]{3,64}$", serial))])
    error_message = "A gateway serial must be 3 to 64 letters and digits, as on the gateway's plate: ${join(", ", [for serial in keys(var.sites) : serial if !can(regex("^[A-Za-z0-9]{3,64}$", serial))])}."
  }

  validation {
    condition     = alltrue([for site in values(var.sites) : contains(var.tiers, site.tier)])
    error_message = "The tier of a site must be ${join(" or ", var.tiers)}: ${join(", ", [for serial, site in var.sites : "${serial} has ${site.tier}" if !contains(var.tiers, site.tier)])}."
  }
}

variable "package_path" {
  description = "Zip of site-config-manager."
  type        = string
}

variable "log_retention_days" {
  description = "Retention in days of the function's log."
  type        = number
}

variable "access_log" {
  description = "Target of the bucket's access log; null for none."
  type        = object({ bucket = string })
  default     = null
}

variable "function" {
  description = "Handler, timeout and default memory of `site-config-manager`, from terraform/meta/domain.json."
  type        = object({ handler = string, timeout_seconds = number, memory_mb = number })
}

variable "memory_mb" {
  description = "Memory of the function, which parses the whole site file; null for the default of `function`."
  type        = number
  default     = null
}

variable "destroy_with_objects_enabled" {
  description = "Whether `terraform destroy` may delete the site file with all versions; for environments without data to keep."
  type        = bool
  default     = false
  nullable    = false
}

variable "name" {
  description = "Globally unique name of the bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.name))
    error_message = "The name of a bucket must be 3 to 63 lowercase letters, digits, hyphens and dots, beginning and ending with a letter or digit."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the objects; null for SSE-S3, which access log buckets require."
  type        = string
  default     = null
}

variable "versioning_enabled" {
  description = "Whether the bucket is versioned."
  type        = bool
  default     = true
  nullable    = false
}

variable "policy_json" {
  description = "Additional statements of the bucket policy, which denies requests without TLS."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "noncurrent_days" {
  description = "Retention in days of noncurrent versions; null keeps all versions."
  type        = number
  default     = 90
}

variable "lifecycle_rules" {
  description = "Lifecycle rules by name: prefix, days until cheaper storage and days until deletion."
  type = map(object({
    prefix                 = string
    infrequent_access_days = optional(number)
    archive_days           = optional(number)
    expiration_days        = optional(number)
  }))
  default  = {}
  nullable = false
}

variable "access_log" {
  description = "Target of the bucket's access log; null for none."
  type        = object({ bucket = string })
  default     = null
}

variable "destroy_with_objects_enabled" {
  description = "Whether `terraform destroy` may delete the bucket with its objects."
  type        = bool
  default     = false
  nullable    = false
}

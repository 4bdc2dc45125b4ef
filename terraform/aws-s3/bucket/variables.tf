variable "name" {
  description = "Name of the bucket; nobody else in the world may have it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.name))
    error_message = "The name of a bucket must be 3 to 63 small letters, digits, hyphens and dots, beginning and ending with a letter or digit."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the objects; null for the key of S3 itself, which is all that receivers of access logs can do."
  type        = string
  default     = null
}

variable "versioning_enabled" {
  description = "Whether what is written over or deleted is kept as an older version."
  type        = bool
  default     = true
  nullable    = false
}

variable "policy_json" {
  description = "Statements of the bucket's policy besides the one that refuses everything without TLS."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "noncurrent_days" {
  description = "Days that an older version is kept; null keeps all of them for ever."
  type        = number
  default     = 90
}

variable "lifecycle_rules" {
  description = "What becomes of objects by their prefix: by name, to cheaper storage or away after so many days."
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
  description = "Where S3 writes who asked the bucket for what; null for nowhere."
  type        = object({ bucket = string })
  default     = null
}

variable "destroy_with_objects_enabled" {
  description = "Whether `terraform destroy` may take the objects with it."
  type        = bool
  default     = false
  nullable    = false
}

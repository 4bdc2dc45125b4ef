variable "environment" {
  description = "Name of the environment, e.g. dev. Each needs its own account, because functions and log groups have the same names in all."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.environment))
    error_message = "environment must be 2 to 16 lowercase letters, digits and hyphens, beginning with a letter, e.g. dev."
  }
}

variable "names" {
  description = "Names that differ from those in the domain, by key, e.g. { stream = \"device-data-stream\" }."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.names) : contains(keys(jsondecode(file("${path.module}/domain.json")).names), name)])
    error_message = "names contains an unknown key; the keys are those of \"names\" in terraform/meta/domain.json."
  }
}

variable "key_deletion_window_days" {
  description = "Waiting period in days before a destroyed encryption key is deleted."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.key_deletion_window_days >= 7 && var.key_deletion_window_days <= 30
    error_message = "key_deletion_window_days must be between 7 and 30, as AWS KMS requires."
  }
}

variable "environment" {
  description = "The environment that the stack is, e.g. dev. One environment has one account: functions and log groups bear the same names in each."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.environment))
    error_message = "environment must be 2 to 16 small letters, digits and hyphens, beginning with a letter, e.g. dev."
  }
}

variable "names" {
  description = "Names that differ from those of the domain, by the domain's own word for them, e.g. { stream = \"device-data-stream\" }."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.names) : contains(keys(jsondecode(file("${path.module}/domain.json")).names), name)])
    error_message = "names holds a word that the stack does not have; the words are those of \"names\" in terraform/meta/domain.json."
  }
}

variable "key_deletion_window_days" {
  description = "Days that the stack's encryption key can still be had back after it was destroyed."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.key_deletion_window_days >= 7 && var.key_deletion_window_days <= 30
    error_message = "key_deletion_window_days must be between 7 and 30, as AWS KMS takes nothing else."
  }
}

variable "place" {
  description = "Account, region and partition of the stack; output of `meta`."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "names" {
  description = "Names of the stack's resources; output of `meta`."
  type        = map(string)
}

variable "domain" {
  description = "Domain of the sender of notification e-mails."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "The domain must be a full name of lowercase letters, digits and hyphens with a dot in it, e.g. dev.demo.powersmarter.net."
  }
}

variable "sender" {
  description = "Local part of the sender's address."
  type        = string
  default     = "alerts"
  nullable    = false
}

variable "subscribers" {
  description = "Addresses that receive each alarm directly from SNS. Each must confirm once."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.subscribers : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "Every subscriber must be an e-mail address: ${join(", ", [for address in var.subscribers : address if !can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])}."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts messages of the topic."
  type        = string
}

variable "place" {
  description = "Account, region and partition that the stack is in, as `meta` tells."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "names" {
  description = "What every part of the stack is called, as `meta` tells."
  type        = map(string)
}

variable "domain" {
  description = "Domain that letters are sent from."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "The domain must be a full name of small letters, digits and hyphens with a dot in it, e.g. dev.demo.powersmarter.net."
  }
}

variable "sender" {
  description = "Part before the @ of the address that letters are sent from."
  type        = string
  default     = "alerts"
  nullable    = false
}

variable "subscribers" {
  description = "Addresses that are told each alarm at once, by SNS. Each must confirm once."
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

variable "kms_key_arn" {
  description = "Key that encrypts the images."
  type        = string
}

variable "alert_topic_arn" {
  description = "Topic for scan findings."
  type        = string
}

variable "repositories" {
  description = "Repositories by name, with the number of images to keep."
  type        = map(object({ kept_images = optional(number, 30) }))
  default     = { "smarterise/api_service" = {} }
  nullable    = false

  validation {
    condition     = length(var.repositories) > 0
    error_message = "repositories is empty: name at least one repository, e.g. { \"smarterise/api_service\" = {} }."
  }

  validation {
    condition     = alltrue([for name in keys(var.repositories) : can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", name)) && length(name) >= 2])
    error_message = "The name of a repository must be lowercase letters and digits with single dots, hyphens, underscores and slashes between them, e.g. smarterise/api_service."
  }

  validation {
    condition     = alltrue([for repository in values(var.repositories) : repository.kept_images >= 2])
    error_message = "kept_images of a repository must be 2 or more, to allow a rollback."
  }
}

variable "untagged_days" {
  description = "Retention in days of untagged images."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.untagged_days >= 1
    error_message = "untagged_days must be 1 or more."
  }
}

variable "findings_rule_name" {
  description = "Name of the rule for scan findings."
  type        = string
  default     = "smarterise-image-findings"
  nullable    = false
}

variable "destroy_with_images_enabled" {
  description = "Whether `terraform destroy` may delete repositories with their images; for environments without data to keep."
  type        = bool
  default     = false
  nullable    = false
}

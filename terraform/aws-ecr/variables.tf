variable "kms_key_arn" {
  description = "Key that encrypts the images."
  type        = string
}

variable "alert_topic_arn" {
  description = "Topic that faults found in images are told to."
  type        = string
}

variable "repositories" {
  description = "Repositories by name, and how many images each keeps."
  type        = map(object({ kept_images = optional(number, 30) }))
  default     = { "smarterise/api_service" = {} }
  nullable    = false

  validation {
    condition     = length(var.repositories) > 0
    error_message = "repositories is empty: name the repository of one image at least, e.g. { \"smarterise/api_service\" = {} }."
  }

  validation {
    condition     = alltrue([for name in keys(var.repositories) : can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", name)) && length(name) >= 2])
    error_message = "The name of a repository must be small letters and digits with single dots, hyphens, underscores and slashes between them, e.g. smarterise/api_service."
  }

  validation {
    condition     = alltrue([for repository in values(var.repositories) : repository.kept_images >= 2])
    error_message = "kept_images of a repository must be 2 or more: with one there is nothing to go back to."
  }
}

variable "untagged_days" {
  description = "Days that an image without a tag is kept."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.untagged_days >= 1
    error_message = "untagged_days must be 1 or more."
  }
}

variable "findings_rule_name" {
  description = "Name of the rule that tells of faulty images."
  type        = string
  default     = "smarterise-image-findings"
  nullable    = false
}

variable "destroy_with_images_enabled" {
  description = "Whether `terraform destroy` may take the images with the repositories; for environments that may be lost."
  type        = bool
  default     = false
  nullable    = false
}

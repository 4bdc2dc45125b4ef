variable "place" {
  description = "Account, region and partition that the stack is in, as `meta` tells."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "kms_key_arn" {
  description = "Key that encrypts the backups in the stack's own region."
  type        = string
}

variable "name" {
  description = "Name of the vault, the plan and what belongs to them."
  type        = string
  default     = "smarterise"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,29}$", var.name))
    error_message = "The name of the backups must be 3 to 30 small letters, digits and hyphens, beginning with a letter, e.g. smarterise."
  }
}

variable "copy_region" {
  description = "Region that each backup is copied to."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.copy_region))
    error_message = "copy_region must be a region such as eu-central-1."
  }

  validation {
    condition     = var.copy_region != var.place.region
    error_message = "copy_region is the region that the stack itself is in (${var.place.region}): a copy there is lost with it. Name another, e.g. eu-central-1."
  }
}

variable "database" {
  description = "The database: ARN of its instance, and the subnet group and security group that a test restores it into."
  type        = object({ instance_arn = string, subnet_group_name = string, security_group_id = string })
}

variable "bucket_arns" {
  description = "ARNs of the buckets that are backed up, by a word for each. They must be versioned."
  type        = map(string)

  validation {
    condition     = length(var.bucket_arns) > 0
    error_message = "bucket_arns is empty: name the bucket of the site file at least."
  }
}

variable "restore_test_bucket" {
  description = "Which of bucket_arns is restored in the test: a small one, as it is restored whole."
  type        = string

  validation {
    condition     = contains(keys(var.bucket_arns), var.restore_test_bucket)
    error_message = "restore_test_bucket must be one of the words of bucket_arns: ${join(", ", keys(var.bucket_arns))}."
  }
}

variable "restore_test_enabled" {
  description = "Whether the newest backups are restored each month, beside the stack, to see that they can be."
  type        = bool
  default     = true
  nullable    = false
}

variable "daily_retention_days" {
  description = "Days that the backup of each day is kept, in both regions."
  type        = number
  default     = 35
  nullable    = false

  validation {
    condition     = var.daily_retention_days >= 7 && floor(var.daily_retention_days) == var.daily_retention_days
    error_message = "daily_retention_days must be a whole number of 7 days or more: the vaults are locked against keeping backups for less."
  }
}

variable "monthly_retention_days" {
  description = "Days that the backup of the first day of each month is kept, in both regions."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.monthly_retention_days >= var.daily_retention_days && floor(var.monthly_retention_days) == var.monthly_retention_days
    error_message = "monthly_retention_days must be a whole number of days, no less than daily_retention_days (${var.daily_retention_days})."
  }
}

variable "destroy_with_backups_enabled" {
  description = "Whether `terraform destroy` may take the backups with the vaults, which are not locked then; for environments that may be lost."
  type        = bool
  default     = false
  nullable    = false
}

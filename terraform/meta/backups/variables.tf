variable "place" {
  description = "Account, region and partition of the stack; output of `meta`."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "kms_key_arn" {
  description = "Key that encrypts the backups in the stack's own region."
  type        = string
}

variable "name" {
  description = "Name of vault, plan and related resources."
  type        = string
  default     = "smarterise"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,29}$", var.name))
    error_message = "The name of the backups must be 3 to 30 lowercase letters, digits and hyphens, beginning with a letter, e.g. smarterise."
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
    error_message = "copy_region is the stack's own region (${var.place.region}): a copy there would be lost with it. Use another, e.g. eu-central-1."
  }
}

variable "database" {
  description = "The database: ARN of its instance, and the subnet group and security group for restore tests."
  type        = object({ instance_arn = string, subnet_group_name = string, security_group_id = string })
}

variable "bucket_arns" {
  description = "ARNs of the buckets to back up, by any key. They must be versioned."
  type        = map(string)

  validation {
    condition     = length(var.bucket_arns) > 0
    error_message = "bucket_arns is empty: add at least the bucket of the site file."
  }
}

variable "restore_test_bucket" {
  description = "Key in bucket_arns of the bucket for the restore test: a small one, as it is restored completely."
  type        = string

  validation {
    condition     = contains(keys(var.bucket_arns), var.restore_test_bucket)
    error_message = "restore_test_bucket must be a key of bucket_arns: ${join(", ", keys(var.bucket_arns))}."
  }
}

variable "restore_test_enabled" {
  description = "Whether to run a monthly restore test of the latest backups, separate from the stack."
  type        = bool
  default     = true
  nullable    = false
}

variable "daily_retention_days" {
  description = "Retention in days of daily backups, in both regions."
  type        = number
  default     = 35
  nullable    = false

  validation {
    condition     = var.daily_retention_days >= 7 && floor(var.daily_retention_days) == var.daily_retention_days
    error_message = "daily_retention_days must be a whole number of 7 days or more, the minimum retention of the locked vaults."
  }
}

variable "monthly_retention_days" {
  description = "Retention in days of monthly backups, in both regions."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.monthly_retention_days >= var.daily_retention_days && floor(var.monthly_retention_days) == var.monthly_retention_days
    error_message = "monthly_retention_days must be a whole number of days, not less than daily_retention_days (${var.daily_retention_days})."
  }
}

variable "destroy_with_backups_enabled" {
  description = "Whether `terraform destroy` may delete the vaults with their backups; they are not locked then; for environments without data to keep."
  type        = bool
  default     = false
  nullable    = false
}

variable "place" {
  description = "Account, region and partition of the stack; output of `meta`."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "kms_key_arn" {
  description = "Key that encrypts the records."
  type        = string
}

variable "name" {
  description = "Name of trail and recorder, and prefix of the rules."
  type        = string
  default     = "smarterise"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,39}$", var.name))
    error_message = "The name of the audit must be 3 to 40 lowercase letters, digits and hyphens, beginning with a letter, e.g. smarterise."
  }
}

variable "bucket_name" {
  description = "Globally unique name of the bucket of the records."
  type        = string
}

variable "access_log" {
  description = "Target of the bucket's access log; null for none."
  type        = object({ bucket = string })
  default     = null
}

variable "bucket_arns_of_changes" {
  description = "ARNs of the buckets whose object writes are recorded."
  type        = list(string)

  validation {
    condition     = length(var.bucket_arns_of_changes) > 0
    error_message = "bucket_arns_of_changes is empty: add at least the bucket of the site file."
  }
}

variable "bucket_arns_of_reads" {
  description = "ARNs of the buckets whose object reads are recorded too."
  type        = list(string)

  validation {
    condition     = length(var.bucket_arns_of_reads) > 0
    error_message = "bucket_arns_of_reads is empty: add at least the bucket of the device certificates."
  }
}

variable "retention_days" {
  description = "Retention in days of the records."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.retention_days >= 121 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number of 121 days or more: after 90 days logs move to cheaper storage, where S3 bills at least 30 days."
  }
}

variable "destroy_with_logs_enabled" {
  description = "Whether `terraform destroy` may delete the bucket with its records; for environments without data to keep."
  type        = bool
  default     = false
  nullable    = false
}

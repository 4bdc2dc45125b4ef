variable "place" {
  description = "Account, region and partition of the stack; output of `meta`."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "names" {
  description = "Names of the stack's resources; output of `meta`."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "Key that encrypts the buckets."
  type        = string
}

variable "bucket_names" {
  description = "Names of the buckets other than the data lake, which is in `names`."
  type = object({
    athena_results      = string
    device_certificates = string
    rds_state           = string
    access_logs         = string
  })

  validation {
    condition     = length(distinct(values(var.bucket_names))) == length(values(var.bucket_names))
    error_message = "Two buckets have the same name: use different names."
  }
}

variable "ftp_folder" {
  description = "Prefix of log files in the data lake, with a trailing slash."
  type        = string
}

variable "lake_columns" {
  description = "Columns of a raw reading and their Athena types; output of `meta`."
  type        = map(string)
}

variable "archive_days" {
  description = "Days after which raw objects move to cheaper storage."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.archive_days >= 30
    error_message = "archive_days must be 30 or more, the minimum of S3."
  }
}

variable "athena_scan_limit_bytes" {
  description = "Maximum bytes scanned by one query, to limit its cost."
  type        = number
  default     = 107374182400
  nullable    = false

  validation {
    condition     = var.athena_scan_limit_bytes >= 10485760
    error_message = "athena_scan_limit_bytes must be 10485760 (10 MB) or more, the minimum of Athena."
  }
}

variable "destroy_with_objects_enabled" {
  description = "Whether `terraform destroy` may delete buckets with their objects; for environments without data to keep."
  type        = bool
  default     = false
  nullable    = false
}

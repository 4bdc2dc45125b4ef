variable "place" {
  description = "Account, region and partition that the stack is in, as `meta` tells."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "names" {
  description = "What every part of the stack is called, as `meta` tells."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "Key that encrypts what is kept."
  type        = string
}

variable "bucket_names" {
  description = "Names of the buckets besides the lake's, which is among `names`."
  type = object({
    athena_results      = string
    device_certificates = string
    rds_state           = string
    access_logs         = string
  })

  validation {
    condition     = length(distinct(values(var.bucket_names))) == length(values(var.bucket_names))
    error_message = "Two buckets have the same name: give each of them its own."
  }
}

variable "ftp_folder" {
  description = "Prefix in the lake under which files of the FTP server are kept, with its slash."
  type        = string
}

variable "lake_columns" {
  description = "Columns of a line of the raw lake and their types in Athena, as `meta` tells."
  type        = map(string)
}

variable "archive_days" {
  description = "Days after which raw objects go to cheaper storage."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.archive_days >= 30
    error_message = "archive_days must be 30 or more: S3 moves nothing to cheaper storage before."
  }
}

variable "athena_scan_limit_bytes" {
  description = "Bytes that one query may scan, as a guard against a costly one."
  type        = number
  default     = 107374182400
  nullable    = false

  validation {
    condition     = var.athena_scan_limit_bytes >= 10485760
    error_message = "athena_scan_limit_bytes must be 10485760 (10 MB) or more, as Athena takes nothing less."
  }
}

variable "destroy_with_objects_enabled" {
  description = "Whether `terraform destroy` may take the objects with the buckets; for environments that may be lost."
  type        = bool
  default     = false
  nullable    = false
}

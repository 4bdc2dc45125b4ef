variable "place" {
  description = "Account, region and partition that the stack is in, as `meta` tells."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "kms_key_arn" {
  description = "Key that encrypts what is recorded."
  type        = string
}

variable "name" {
  description = "Name of the trail and of the recorder, and what the names of the rules begin with."
  type        = string
  default     = "smarterise"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,39}$", var.name))
    error_message = "The name of the audit must be 3 to 40 small letters, digits and hyphens, beginning with a letter, e.g. smarterise."
  }
}

variable "bucket_name" {
  description = "Bucket of what is recorded; nobody else in the world may have it."
  type        = string
}

variable "access_log" {
  description = "Where S3 writes who asked the bucket for what; null for nowhere."
  type        = object({ bucket = string })
  default     = null
}

variable "bucket_arns_of_changes" {
  description = "ARNs of the buckets in which each change of an object is recorded, and who made it."
  type        = list(string)

  validation {
    condition     = length(var.bucket_arns_of_changes) > 0
    error_message = "bucket_arns_of_changes is empty: name the bucket of the site file at least, as who changed it will be asked."
  }
}

variable "bucket_arns_of_reads" {
  description = "ARNs of the buckets in which each read of an object is recorded as well."
  type        = list(string)

  validation {
    condition     = length(var.bucket_arns_of_reads) > 0
    error_message = "bucket_arns_of_reads is empty: name the bucket of the devices' certificates at least."
  }
}

variable "retention_days" {
  description = "Days that what was recorded is kept."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.retention_days >= 121 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number of 121 days or more: after 90 days the log goes to cheaper storage, where S3 bills 30 days at least."
  }
}

variable "destroy_with_logs_enabled" {
  description = "Whether `terraform destroy` may take what was recorded with the bucket; for environments that may be lost."
  type        = bool
  default     = false
  nullable    = false
}

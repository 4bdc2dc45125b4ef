variable "name" {
  description = "Name of the stream."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the records."
  type        = string
}

variable "retention_hours" {
  description = "Retention in hours: the longest database outage without data loss."
  type        = number
  default     = 168
  nullable    = false

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760
    error_message = "retention_hours must be between 24 and 8760, as Kinesis requires."
  }
}

variable "shard_count" {
  description = "Shards of a provisioned stream, each for 1 MB and 1000 records a second; null for on-demand mode, at a higher price."
  type        = number
  default     = null

  validation {
    condition     = try(var.shard_count >= 1, true)
    error_message = "shard_count must be 1 or more, or null for on-demand mode."
  }
}

variable "name" {
  description = "Name of the stream."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the records."
  type        = string
}

variable "retention_hours" {
  description = "Hours that a record can be read again: as long as the database may be away without anything being lost."
  type        = number
  default     = 168
  nullable    = false

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760
    error_message = "retention_hours must be between 24 and 8760, as Kinesis takes nothing else."
  }
}

variable "shard_count" {
  description = "Shards of a provisioned stream, each for 1 MB and 1000 records a second; null lets AWS provide on demand, at a higher price."
  type        = number
  default     = null

  validation {
    condition     = try(var.shard_count >= 1, true)
    error_message = "shard_count must be 1 or more, or null for a stream on demand."
  }
}

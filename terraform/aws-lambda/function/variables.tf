variable "name" {
  description = "Name of the function; its role, its policy and its log group are named after it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-_]{1,59}$", var.name))
    error_message = "The name of a function must be 1 to 59 letters, digits, hyphens and underscores: its role has 5 more."
  }
}

variable "description" {
  description = "What the function is for, in a line."
  type        = string
}

variable "handler" {
  description = "The function's entry, e.g. smarterise_lambdas.ftp_to_s3.handler.handler."
  type        = string
}

variable "package_path" {
  description = "The function's zip, as `make lambdas` leaves it."
  type        = string
}

variable "runtime" {
  description = "Runtime that the zip was built for."
  type        = string
  default     = "python3.13"
  nullable    = false
}

variable "architecture" {
  description = "Processor that the zip was built for."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64, the same as the zips were built for."
  }
}

variable "timeout_seconds" {
  description = "Longest that one invocation may take."
  type        = number

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "timeout_seconds must be between 1 and 900, the longest that Lambda allows."
  }
}

variable "memory_mb" {
  description = "Memory, and with it the share of a processor."
  type        = number

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be between 128 and 10240."
  }
}

variable "ephemeral_storage_mb" {
  description = "Room in /tmp."
  type        = number
  default     = 512
  nullable    = false
}

variable "environment" {
  description = "Environment of the function. No secrets: those are in Secrets Manager, and their ARNs here."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "policy_json" {
  description = "What the function may, besides writing its own log."
  type        = string
}

variable "network" {
  description = "Subnets and security groups that the function runs in; null for outside of any VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "layers" {
  description = "ARNs of the layers that the function needs."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "reserved_concurrency" {
  description = "How many may run at once; -1 for as many as the account allows."
  type        = number
  default     = -1
  nullable    = false
}

variable "retries" {
  description = "How often an asynchronous invocation that failed is tried again, before it is kept in the queue of failures."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = contains([0, 1, 2], var.retries)
    error_message = "retries must be 0, 1 or 2, as Lambda allows."
  }
}

variable "failure_queue_enabled" {
  description = "Whether asynchronous invocations that failed for good are kept in a queue; for functions that something invokes asynchronously."
  type        = bool
  default     = true
  nullable    = false
}

variable "after" {
  description = "Anything that is known once what the function needs has been done: it is made, and replaced, only then."
  type        = string
  default     = ""
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that the log is kept."
  type        = number
}

variable "kms_key_arn" {
  description = "Key that encrypts the log."
  type        = string
}

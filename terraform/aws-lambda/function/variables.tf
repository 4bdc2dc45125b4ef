variable "name" {
  description = "Name of the function; also used for role, policy and log group."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-_]{1,59}$", var.name))
    error_message = "The name of a function must be 1 to 59 letters, digits, hyphens and underscores, because the role name adds 5."
  }
}

variable "description" {
  description = "Description of the function."
  type        = string
}

variable "handler" {
  description = "Handler of the function, e.g. smarterise_lambdas.ftp_to_s3.handler.handler."
  type        = string
}

variable "package_path" {
  description = "Zip of the function, from `make lambdas`."
  type        = string
}

variable "runtime" {
  description = "Runtime of the zip."
  type        = string
  default     = "python3.13"
  nullable    = false
}

variable "architecture" {
  description = "Architecture of the zip."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64, the architecture of the zips."
  }
}

variable "timeout_seconds" {
  description = "Timeout of an invocation, in seconds."
  type        = number

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "timeout_seconds must be between 1 and 900, the limits of Lambda."
  }
}

variable "memory_mb" {
  description = "Memory in MB, which also determines the CPU share."
  type        = number

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be between 128 and 10240."
  }
}

variable "ephemeral_storage_mb" {
  description = "Ephemeral storage (/tmp), in MB."
  type        = number
  default     = 512
  nullable    = false
}

variable "environment" {
  description = "Environment variables of the function, without secrets: only their ARNs."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "policy_json" {
  description = "Policy of the function, in addition to writing its log."
  type        = string
}

variable "network" {
  description = "Subnets and security groups of the function; null for no VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "layers" {
  description = "ARNs of the function's layers."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "reserved_concurrency" {
  description = "Reserved concurrency; -1 for none."
  type        = number
  default     = -1
  nullable    = false
}

variable "retries" {
  description = "Retries of a failed asynchronous invocation before it is sent to the failure queue."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = contains([0, 1, 2], var.retries)
    error_message = "retries must be 0, 1 or 2, as Lambda allows."
  }
}

variable "failure_queue_enabled" {
  description = "Whether to send asynchronous invocations that failed after all retries to a queue."
  type        = bool
  default     = true
  nullable    = false
}

variable "after" {
  description = "Value that is known once the function's prerequisites exist; the function is created and replaced after that."
  type        = string
  default     = ""
  nullable    = false
}

variable "log_retention_days" {
  description = "Retention in days of the log."
  type        = number
}

variable "kms_key_arn" {
  description = "Key that encrypts the log."
  type        = string
}

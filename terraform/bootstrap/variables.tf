variable "environment" {
  description = "Name of the environment, e.g. dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.environment))
    error_message = "environment must be 2 to 16 lowercase letters, digits and hyphens, beginning with a letter, e.g. dev."
  }
}

variable "state_bucket_name" {
  description = "Name of the bucket; the same as in environments/<environment>.s3.tfbackend."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket_name))
    error_message = "state_bucket_name must be 3 to 63 lowercase letters, digits, hyphens and dots, as S3 requires."
  }
}

variable "aws_region" {
  description = "Region of the bucket."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}

variable "github_repository" {
  description = "GitHub repository whose workflows may plan and apply, e.g. smarterise/smarterise-ops; null for no roles."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$", coalesce(var.github_repository, "a/b")))
    error_message = "github_repository must be owner/name, e.g. smarterise/smarterise-ops, without https://github.com/ and without wildcards."
  }
}

variable "github_provider_creation_enabled" {
  description = "Whether to create the OIDC provider of GitHub; false if the account has it already."
  type        = bool
  default     = true
  nullable    = false
}

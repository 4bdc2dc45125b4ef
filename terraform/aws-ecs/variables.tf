variable "place" {
  description = "Account, region and partition of the stack; output of `meta`."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "name" {
  description = "Name of service, container and roles."
  type        = string
  default     = "api_service"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_-]{1,40}$", var.name))
    error_message = "The name of the service must be 2 to 41 lowercase letters, digits, hyphens and underscores, beginning with a letter, e.g. api_service."
  }
}

variable "cluster_name" {
  description = "Name of the cluster."
  type        = string
  default     = "smarterise"
  nullable    = false
}

variable "log_group_name" {
  description = "Log group of the application; output of `meta`."
  type        = string
  default     = "/aws/ecs/api_service"
  nullable    = false
}

variable "log_retention_days" {
  description = "Retention in days of the application's log."
  type        = number
}

variable "kms_key_arn" {
  description = "Key that encrypts log and secrets."
  type        = string
}

variable "image" {
  description = "Image of the application: repository URL, and tag or digest (sha256:…)."
  type        = object({ repository_url = string, tag = string })

  validation {
    condition     = can(regex("^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|sha256:[0-9a-f]{64})$", var.image.tag)) && var.image.tag != "latest"
    error_message = "The tag of the image must identify one build, or be its digest (sha256: and 64 digits), not \"latest\", which allows no rollback."
  }
}

variable "repository_arn" {
  description = "ARN of the image repository."
  type        = string
}

variable "architecture" {
  description = "CPU architecture of the image: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
  nullable    = false

  validation {
    condition     = contains(["ARM64", "X86_64"], var.architecture)
    error_message = "architecture must be ARM64 or X86_64."
  }
}

variable "container_user" {
  description = "User id of the application."
  type        = string
  default     = "10001"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]{0,9}(:[1-9][0-9]{0,9})?$", var.container_user))
    error_message = "container_user must be a number above 0, e.g. 10001: the application does not run as root."
  }
}

variable "application_port" {
  description = "Port that the application listens on."
  type        = number
  default     = 8080
  nullable    = false

  validation {
    condition     = var.application_port >= 1024 && var.application_port <= 65535
    error_message = "application_port must be between 1024 and 65535: the container does not run as root."
  }
}

variable "task" {
  description = "Size of a task: CPU units (1024 per vCPU) and memory."
  type        = object({ cpu = optional(number, 512), memory_mb = optional(number, 1024) })
  default     = {}
  nullable    = false

  validation {
    condition = contains(lookup({
      "256"  = [512, 1024, 2048]
      "512"  = [1024, 2048, 3072, 4096]
      "1024" = [for gigabytes in range(2, 9) : gigabytes * 1024]
      "2048" = [for gigabytes in range(4, 17) : gigabytes * 1024]
      "4096" = [for gigabytes in range(8, 31) : gigabytes * 1024]
    }, tostring(var.task.cpu), []), var.task.memory_mb)
    error_message = "Fargate does not support cpu ${var.task.cpu} and ${var.task.memory_mb} MB: use cpu 256, 512, 1024, 2048 or 4096 and whole gigabytes of memory, two to eight per 1024 of cpu (512 MB with 256)."
  }
}

variable "environment" {
  description = "Environment variables of the application."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !can(regex("(PASSWORD|SECRET_KEY|TOKEN)$", name))])
    error_message = "environment must have names such as DATABASE_HOST, and no password or token, which would be readable in the task definition. Use Secrets Manager and the variable secrets."
  }
}

variable "secrets" {
  description = "Secrets of the application by environment variable: ARNs in Secrets Manager, optionally with a JSON key (…:password::)."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "task_policies" {
  description = "Policies of the application in JSON, by any key."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "network" {
  description = "Subnets and security group of the tasks; outputs of `aws-vpc`."
  type        = object({ subnet_ids = list(string), security_group_id = string })
}

variable "target_group_arn" {
  description = "Target group of the tasks; output of `web-app`."
  type        = string
}

variable "request_count_label" {
  description = "Resource label for scaling by requests; output of `web-app`."
  type        = string
}

variable "scaling" {
  description = "Minimum and maximum number of tasks, and target values per task: requests per minute, CPU and memory in percent."
  type = object({
    fewest              = optional(number, 2)
    most                = optional(number, 6)
    requests_per_minute = optional(number, 1000)
    cpu_percent         = optional(number, 60)
    memory_percent      = optional(number, 75)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.scaling.fewest >= 1 && var.scaling.most >= var.scaling.fewest
    error_message = "scaling needs 1 task or more, and most (${var.scaling.most}) must not be less than fewest (${var.scaling.fewest})."
  }

  validation {
    condition     = alltrue([for percent in [var.scaling.cpu_percent, var.scaling.memory_percent] : percent >= 10 && percent <= 90])
    error_message = "cpu_percent and memory_percent of scaling must be between 10 and 90: above, tasks are overloaded before the next one has started."
  }
}

variable "spot_enabled" {
  description = "Whether tasks after the first use Fargate Spot, at a third of the price, with a two-minute interruption notice."
  type        = bool
  default     = false
  nullable    = false
}

variable "detailed_metrics_enabled" {
  description = "Whether to enable Container Insights, at a price per metric."
  type        = bool
  default     = false
  nullable    = false
}

variable "alert_topic_arn" {
  description = "Topic of alarms and failed deployments."
  type        = string
}

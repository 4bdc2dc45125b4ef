variable "place" {
  description = "Account, region and partition that the stack is in, as `meta` tells."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "name" {
  description = "What service, container and roles are called."
  type        = string
  default     = "api_service"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_-]{1,40}$", var.name))
    error_message = "The name of the service must be 2 to 41 small letters, digits, hyphens and underscores, beginning with a letter, e.g. api_service."
  }
}

variable "cluster_name" {
  description = "What the cluster is called."
  type        = string
  default     = "smarterise"
  nullable    = false
}

variable "log_group_name" {
  description = "Log group of the application, as `meta` tells."
  type        = string
  default     = "/aws/ecs/api_service"
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that the application's log is kept."
  type        = number
}

variable "kms_key_arn" {
  description = "Key that encrypts log and secrets."
  type        = string
}

variable "image" {
  description = "Image of the application: the repository it is pulled from, and a tag or digest (sha256:…) in it."
  type        = object({ repository_url = string, tag = string })

  validation {
    condition     = can(regex("^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|sha256:[0-9a-f]{64})$", var.image.tag)) && var.image.tag != "latest"
    error_message = "The tag of the image must be that of one build, or its digest (sha256: and 64 digits), and not \"latest\": nobody could tell what runs, or go back to it."
  }
}

variable "repository_arn" {
  description = "ARN of the repository that the image is pulled from."
  type        = string
}

variable "architecture" {
  description = "Processors that the image was built for: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
  nullable    = false

  validation {
    condition     = contains(["ARM64", "X86_64"], var.architecture)
    error_message = "architecture must be ARM64 or X86_64."
  }
}

variable "container_user" {
  description = "User, by number, that the application runs as."
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
  description = "Size of a task: processor in 1024ths, and memory."
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
    error_message = "Fargate has no task of cpu ${var.task.cpu} and ${var.task.memory_mb} MB: take cpu 256, 512, 1024, 2048 or 4096 and whole gigabytes of memory, two to eight for each 1024 of cpu (512 MB goes with 256)."
  }
}

variable "environment" {
  description = "What the application is told, by the name of the environment variable."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !can(regex("(PASSWORD|SECRET_KEY|TOKEN)$", name))])
    error_message = "environment must have names such as DATABASE_HOST, and no password or token: everybody who may look at the task would read it. Put it into Secrets Manager and name it in secrets."
  }
}

variable "secrets" {
  description = "Secrets that the application is handed, by the name of the environment variable: ARNs of Secrets Manager, with the part that is meant where it is one (…:password::)."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "task_policies" {
  description = "What the application may do, by any word: policies in JSON."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "network" {
  description = "Subnets and security group of the tasks, as `aws-vpc` tells."
  type        = object({ subnet_ids = list(string), security_group_id = string })
}

variable "target_group_arn" {
  description = "What tasks register with, as `web-app` tells."
  type        = string
}

variable "request_count_label" {
  description = "What scaling by requests calls load balancer and group, as `web-app` tells."
  type        = string
}

variable "scaling" {
  description = "The fewest and the most tasks, and what each is to bear: requests in a minute, percent of processor and memory."
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
    error_message = "scaling must have 1 task or more, and not fewer at most (${var.scaling.most}) than at least (${var.scaling.fewest})."
  }

  validation {
    condition     = alltrue([for percent in [var.scaling.cpu_percent, var.scaling.memory_percent] : percent >= 10 && percent <= 90])
    error_message = "cpu_percent and memory_percent of scaling must be between 10 and 90: above, a task is overrun before the next one is up."
  }
}

variable "spot_enabled" {
  description = "Whether tasks above the first may be of spare capacity, at a third of the price, and taken away within two minutes."
  type        = bool
  default     = false
  nullable    = false
}

variable "detailed_metrics_enabled" {
  description = "Whether CloudWatch has metrics of each task and container, at a price for each."
  type        = bool
  default     = false
  nullable    = false
}

variable "alert_topic_arn" {
  description = "Topic that alarms and failed deployments go to."
  type        = string
}

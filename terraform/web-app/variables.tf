variable "place" {
  description = "Account, region and partition that the stack is in, as `meta` tells."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "name" {
  description = "What load balancer, firewall and policies are called."
  type        = string
  default     = "smarterise-web"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){1,31}$", var.name)) && length(var.name) <= 32 && !startswith(var.name, "internal-")
    error_message = "The name must be 2 to 32 small letters, digits and single hyphens, beginning with a letter and not with \"internal-\", as load balancers take nothing else."
  }
}

variable "domain" {
  description = "Domain of the web application, e.g. dev.demo.powersmarter.net."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "The domain must be a full name of small letters, digits and hyphens with a dot in it, e.g. dev.demo.powersmarter.net."
  }
}

variable "alternative_names" {
  description = "Further names that it answers to; the certificates must have them too."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "certificate_arns" {
  description = "Proven certificates of the domain: for CloudFront in us-east-1, for the load balancer in the stack's own region."
  type        = object({ cloudfront = string, load_balancer = string })
}

variable "network" {
  description = "Where the load balancer is, and its security group, as `aws-vpc` tells."
  type        = object({ vpc_id = string, subnet_ids = list(string), security_group_id = string })
}

variable "application_port" {
  description = "Port of the web application's container."
  type        = number
  default     = 8080
  nullable    = false
}

variable "health_path" {
  description = "Path that answers 200 as long as a task is well."
  type        = string
  default     = "/healthz"
  nullable    = false

  validation {
    condition     = startswith(var.health_path, "/")
    error_message = "health_path must begin with /, e.g. /healthz."
  }
}

variable "static_paths" {
  description = "Paths of what never changes under its name, and is kept at the edge."
  type        = list(string)
  default     = ["/static/*"]
  nullable    = false

  validation {
    condition     = alltrue([for path in var.static_paths : startswith(path, "/")])
    error_message = "Each of static_paths must begin with /, e.g. /static/*."
  }
}

variable "content_security_policy" {
  description = "What pages may load and from where, unless the application says it closer."
  type        = string
  default     = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
  nullable    = false
}

variable "price_class" {
  description = "From where CloudFront answers: PriceClass_100 (Europe and North America), PriceClass_200 (Africa and Asia too) or PriceClass_All."
  type        = string
  default     = "PriceClass_200"
  nullable    = false

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class must be PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "requests_limit" {
  description = "Requests of one address in five minutes above which it is turned away for a while."
  type        = number
  default     = 2000
  nullable    = false

  validation {
    condition     = var.requests_limit >= 10 && var.requests_limit <= 2000000000
    error_message = "requests_limit must be between 10 and 2000000000, as AWS WAF takes nothing else."
  }
}

variable "log_bucket_name" {
  description = "Bucket of the logs of load balancer, CloudFront and WAF."
  type        = string

  validation {
    condition     = can(regex("^aws-waf-logs-[a-z0-9.-]{1,50}[a-z0-9]$", var.log_bucket_name))
    error_message = "log_bucket_name must begin with aws-waf-logs-, as AWS WAF writes nowhere else, and have small letters, digits, hyphens and dots, e.g. aws-waf-logs-smarterise-dev."
  }
}

variable "access_log" {
  description = "Where S3 writes who asked the bucket of logs for what; null for nowhere."
  type        = object({ bucket = string })
  default     = null
}

variable "log_retention_days" {
  description = "Days that the logs are kept."
  type        = number

  validation {
    condition     = var.log_retention_days >= 1
    error_message = "log_retention_days must be 1 or more."
  }
}

variable "faults_limit" {
  description = "Faulty answers in five minutes above which it is told."
  type        = number
  default     = 5
  nullable    = false
}

variable "slow_answer_seconds" {
  description = "Seconds above which an answer is slow."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.slow_answer_seconds > 0
    error_message = "slow_answer_seconds must be more than 0."
  }
}

variable "alert_topic_arn" {
  description = "Topic that alarms go to."
  type        = string
}

variable "destroy_with_logs_enabled" {
  description = "Whether `terraform destroy` may take the load balancer and the bucket with its logs; for environments that may be lost."
  type        = bool
  default     = false
  nullable    = false
}

variable "place" {
  description = "Account, region and partition of the stack; output of `meta`."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "name" {
  description = "Name of load balancer, WAF and policies."
  type        = string
  default     = "smarterise-web"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){1,31}$", var.name)) && length(var.name) <= 32 && !startswith(var.name, "internal-")
    error_message = "The name must be 2 to 32 lowercase letters, digits and single hyphens, beginning with a letter and not with \"internal-\", as load balancers require."
  }
}

variable "domain" {
  description = "Domain of the web application, e.g. dev.demo.powersmarter.net."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "The domain must be a full name of lowercase letters, digits and hyphens with a dot in it, e.g. dev.demo.powersmarter.net."
  }
}

variable "alternative_names" {
  description = "Additional names of the web application; the certificates must include them."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "certificate_arns" {
  description = "Validated certificates of the domain: for CloudFront in us-east-1, for the load balancer in the stack's region."
  type        = object({ cloudfront = string, load_balancer = string })
}

variable "network" {
  description = "VPC, subnets and security group of the load balancer; outputs of `aws-vpc`."
  type        = object({ vpc_id = string, subnet_ids = list(string), security_group_id = string })
}

variable "application_port" {
  description = "Port of the web application's container."
  type        = number
  default     = 8080
  nullable    = false
}

variable "health_path" {
  description = "Health check path, which returns 200."
  type        = string
  default     = "/healthz"
  nullable    = false

  validation {
    condition     = startswith(var.health_path, "/")
    error_message = "health_path must begin with /, e.g. /healthz."
  }
}

variable "static_paths" {
  description = "Paths of immutable files, cached by CloudFront."
  type        = list(string)
  default     = ["/static/*"]
  nullable    = false

  validation {
    condition     = alltrue([for path in var.static_paths : startswith(path, "/")])
    error_message = "Each of static_paths must begin with /, e.g. /static/*."
  }
}

variable "content_security_policy" {
  description = "Default Content-Security-Policy, used if the application sets none."
  type        = string
  default     = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
  nullable    = false
}

variable "price_class" {
  description = "CloudFront price class: PriceClass_100 (Europe and North America), PriceClass_200 (Africa and Asia too) or PriceClass_All."
  type        = string
  default     = "PriceClass_200"
  nullable    = false

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class must be PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "requests_limit" {
  description = "Rate limit: requests per address in five minutes above which it is blocked."
  type        = number
  default     = 2000
  nullable    = false

  validation {
    condition     = var.requests_limit >= 10 && var.requests_limit <= 2000000000
    error_message = "requests_limit must be between 10 and 2000000000, as AWS WAF requires."
  }
}

variable "log_bucket_name" {
  description = "Bucket of the logs of load balancer, CloudFront and WAF."
  type        = string

  validation {
    condition     = can(regex("^aws-waf-logs-[a-z0-9.-]{1,50}[a-z0-9]$", var.log_bucket_name))
    error_message = "log_bucket_name must begin with aws-waf-logs-, as AWS WAF requires, and have lowercase letters, digits, hyphens and dots, e.g. aws-waf-logs-smarterise-dev."
  }
}

variable "access_log" {
  description = "Target of the log bucket's access log; null for none."
  type        = object({ bucket = string })
  default     = null
}

variable "log_retention_days" {
  description = "Retention in days of the logs."
  type        = number

  validation {
    condition     = var.log_retention_days >= 1
    error_message = "log_retention_days must be 1 or more."
  }
}

variable "faults_limit" {
  description = "Alarm threshold: server errors in five minutes."
  type        = number
  default     = 5
  nullable    = false
}

variable "slow_response_seconds" {
  description = "Alarm threshold: response time in seconds (p95)."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.slow_response_seconds > 0
    error_message = "slow_response_seconds must be more than 0."
  }
}

variable "alert_topic_arn" {
  description = "ARN of the alert topic."
  type        = string
}

variable "destroy_with_logs_enabled" {
  description = "Whether `terraform destroy` may delete the load balancer and the log bucket with its objects; for environments without data to keep."
  type        = bool
  default     = false
  nullable    = false
}

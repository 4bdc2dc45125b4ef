variable "name" {
  description = "What the names of budget, monitor and subscription begin with."
  type        = string
  default     = "smarterise"
  nullable    = false
}

variable "alert_topic_arn" {
  description = "Topic that is told; its policy and its key must let `budgets` and `costalerts` publish."
  type        = string
}

variable "monthly_limit_usd" {
  description = "What the account may cost a month, in US dollars. Told at 80 %, when it is reached, and when it is expected to be."
  type        = number

  validation {
    condition     = var.monthly_limit_usd > 0
    error_message = "monthly_limit_usd must be more than 0 US dollars."
  }
}

variable "anomaly_limit_usd" {
  description = "What an unusual cost of one service must come to, in US dollars, to be told."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.anomaly_limit_usd > 0
    error_message = "anomaly_limit_usd must be more than 0 US dollars."
  }
}

variable "anomaly_monitor_arn" {
  description = "ARN of the account's monitor of all services, where it has one already; null to have one made."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:[a-z-]+:ce::[0-9]{12}:anomalymonitor/[0-9a-f-]+$", coalesce(var.anomaly_monitor_arn, "arn:aws:ce::123456789012:anomalymonitor/0")))
    error_message = "anomaly_monitor_arn must be the ARN of a monitor, as `aws ce get-anomaly-monitors` tells it, e.g. arn:aws:ce::123456789012:anomalymonitor/1a2b3c4d."
  }
}

variable "name" {
  description = "Name prefix of budget, monitor and subscription."
  type        = string
  default     = "smarterise"
  nullable    = false
}

variable "alert_topic_arn" {
  description = "Topic of the alerts; its policy and key must allow `budgets` and `costalerts` to publish."
  type        = string
}

variable "monthly_limit_usd" {
  description = "Monthly budget of the account, in US dollars: alerts at 80 %, at 100 % and when the forecast exceeds it."
  type        = number

  validation {
    condition     = var.monthly_limit_usd > 0
    error_message = "monthly_limit_usd must be more than 0 US dollars."
  }
}

variable "anomaly_limit_usd" {
  description = "Threshold of cost anomaly alerts for one service, in US dollars."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.anomaly_limit_usd > 0
    error_message = "anomaly_limit_usd must be more than 0 US dollars."
  }
}

variable "anomaly_monitor_arn" {
  description = "ARN of the account's existing cost anomaly monitor of all services; null to create one."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:[a-z-]+:ce::[0-9]{12}:anomalymonitor/[0-9a-f-]+$", coalesce(var.anomaly_monitor_arn, "arn:aws:ce::123456789012:anomalymonitor/0")))
    error_message = "anomaly_monitor_arn must be the ARN of a monitor from `aws ce get-anomaly-monitors`, e.g. arn:aws:ce::123456789012:anomalymonitor/1a2b3c4d."
  }
}

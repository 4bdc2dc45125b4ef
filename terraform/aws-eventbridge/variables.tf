variable "schedules" {
  description = "Schedules by rule name: function, input, and EventBridge expression in UTC."
  type = map(object({
    description   = string
    expression    = string
    function_name = string
    function_arn  = string
    input         = map(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^(rate\\([1-9][0-9]* (minutes?|hours?|days?)\\)|cron\\([^()]+\\))$", schedule.expression))])
    error_message = "A schedule must be rate(5 minutes) or cron(0 3 * * ? *), as EventBridge requires."
  }
}

variable "notices" {
  description = "AWS events that are sent to the alert topic, by rule name: event pattern in JSON."
  type        = map(object({ description = string, pattern = string }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for notice in values(var.notices) : can(jsondecode(notice.pattern))])
    error_message = "The pattern of a notice must be JSON: write it with jsonencode."
  }
}

variable "alert_topic_arn" {
  description = "ARN of the alert topic."
  type        = string
}

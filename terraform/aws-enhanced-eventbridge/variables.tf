variable "names" {
  description = "What every part of the stack is called, as `meta` tells."
  type        = map(string)
}

variable "schedules" {
  description = "When the files of each tier are collected, as EventBridge has it, in UTC, e.g. { CRITICAL = \"cron(0/15 * * * ? *)\" }."
  type        = map(string)

  validation {
    condition     = length(setsubtract(keys(var.schedules), ["CRITICAL", "NON_CRITICAL"])) == 0 && length(var.schedules) == 2
    error_message = "schedules must have CRITICAL and NON_CRITICAL and no other tier: sites of a tier without a schedule would never be collected."
  }

  validation {
    condition     = alltrue([for expression in values(var.schedules) : can(regex("^(rate\\([1-9][0-9]* (minutes?|hours?|days?)\\)|cron\\([^()]+\\))$", expression))])
    error_message = "A schedule must be rate(15 minutes) or cron(0/15 * * * ? *), as EventBridge has it."
  }
}

variable "sweeper" {
  description = "Name and ARN of the function that collects files."
  type        = object({ name = string, arn = string })
}

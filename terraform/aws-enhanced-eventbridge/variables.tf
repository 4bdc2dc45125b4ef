variable "names" {
  description = "Names of the stack's resources; output of `meta`."
  type        = map(string)
}

variable "schedules" {
  description = "Collection schedule of each tier, an EventBridge expression in UTC, e.g. { CRITICAL = \"cron(0/15 * * * ? *)\" }."
  type        = map(string)

  validation {
    condition     = length(setsubtract(keys(var.schedules), ["CRITICAL", "NON_CRITICAL"])) == 0 && length(var.schedules) == 2
    error_message = "schedules must have CRITICAL and NON_CRITICAL and no other tier: sites of a tier without a schedule would never be collected."
  }

  validation {
    condition     = alltrue([for expression in values(var.schedules) : can(regex("^(rate\\([1-9][0-9]* (minutes?|hours?|days?)\\)|cron\\([^()]+\\))$", expression))])
    error_message = "A schedule must be rate(15 minutes) or cron(0/15 * * * ? *), as EventBridge requires."
  }
}

variable "sweeper" {
  description = "Name and ARN of the function that collects files."
  type        = object({ name = string, arn = string })
}

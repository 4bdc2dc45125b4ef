variable "names" {
  description = "What every part of the stack is called, as `meta` tells."
  type        = map(string)
}

variable "region" {
  description = "Region that the dashboards show."
  type        = string
}

variable "gateway_dimension" {
  description = "Dimension that metrics of a site are published under, as `meta` tells."
  type        = string
}

variable "metrics" {
  description = "Metrics of a site and their units, as `meta` tells."
  type        = map(string)
}

variable "alarm_rules" {
  description = "Alarms that every site has, as `meta` tells."
  type = map(object({
    metric      = string
    statistic   = string
    comparison  = string
    description = string
    missing     = string
    datapoints  = map(object({ needed = number, periods = number }))
    limits      = map(object({ per_volt = number, constant = number }))
  }))
}

variable "alarm_paces" {
  description = "Seconds that a period of an alarm lasts, by tier, as `meta` tells."
  type        = map(object({ period = number, is_single = bool }))
}

variable "sites" {
  description = "The sites by gateway serial, as far as their alarms depend on them."
  type = map(object({
    tier            = optional(string, "CRITICAL")
    enabled         = optional(bool, true)
    name            = optional(string)
    nominal_voltage = optional(number, 230)
    quality_profile = optional(string, "en50160")
  }))

  validation {
    condition     = alltrue([for site in values(var.sites) : site.nominal_voltage > 0])
    error_message = "The nominal voltage of a site must be more than 0 V."
  }

  validation {
    condition     = alltrue([for site in values(var.sites) : contains(keys(values(var.alarm_rules)[0].limits), site.quality_profile)])
    error_message = "The quality profile of a site must be ${join(" or ", keys(values(var.alarm_rules)[0].limits))}."
  }
}

variable "functions" {
  description = "Functions to watch, by any word: name and the longest an invocation may take."
  type        = map(object({ name = string, timeout_seconds = number }))
}

variable "queues" {
  description = "Queues that are empty as long as all is well."
  type        = set(string)
}

variable "stream" {
  description = "The stream, and whether it can be too small."
  type        = object({ name = string, is_provisioned = bool })
}

variable "topic_rule_name" {
  description = "IoT topic rule to watch."
  type        = string
}

variable "iterator_age_limit_seconds" {
  description = "How far the reader of the stream may fall behind."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.iterator_age_limit_seconds > 0
    error_message = "iterator_age_limit_seconds must be more than 0."
  }
}

variable "rejected_rows_limit" {
  description = "Rows that may be rejected in an hour before it is told."
  type        = number
  default     = 100
  nullable    = false
}

variable "database_instance_id" {
  description = "Identifier of the database instance that the dashboard shows; null for none."
  type        = string
  default     = null
}

variable "configuration_set" {
  description = "Configuration set of SES whose bounces are watched."
  type        = string
}

variable "alert_topic_arn" {
  description = "Topic that alarms go to."
  type        = string
}

variable "names" {
  description = "Names of the stack's resources; output of `meta`."
  type        = map(string)
}

variable "region" {
  description = "Region of the dashboards."
  type        = string
}

variable "gateway_dimension" {
  description = "Dimension of site metrics; output of `meta`."
  type        = string
}

variable "metrics" {
  description = "Site metrics and their units; output of `meta`."
  type        = map(string)
}

variable "alarm_rules" {
  description = "Alarm rules of every site; output of `meta`."
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
  description = "Alarm period in seconds, by tier; output of `meta`."
  type        = map(object({ period = number, is_single = bool }))
}

variable "sites" {
  description = "Sites by gateway serial, with the data that alarm thresholds depend on."
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
  description = "Functions to monitor, by any key: name and timeout."
  type        = map(object({ name = string, timeout_seconds = number }))
}

variable "queues" {
  description = "Failure queues to monitor, normally empty."
  type        = set(string)
}

variable "stream" {
  description = "The stream, and whether it is provisioned."
  type        = object({ name = string, is_provisioned = bool })
}

variable "topic_rule_name" {
  description = "IoT topic rule to monitor."
  type        = string
}

variable "iterator_age_limit_seconds" {
  description = "Alarm threshold: iterator age of the stream, in seconds."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.iterator_age_limit_seconds > 0
    error_message = "iterator_age_limit_seconds must be more than 0."
  }
}

variable "rejected_rows_limit" {
  description = "Alarm threshold: rejected rows per hour."
  type        = number
  default     = 100
  nullable    = false
}

variable "database_instance_id" {
  description = "Identifier of the database instance on the dashboard; null for none."
  type        = string
  default     = null
}

variable "configuration_set" {
  description = "SES configuration set whose bounces are monitored."
  type        = string
}

variable "alert_topic_arn" {
  description = "ARN of the alert topic."
  type        = string
}

variable "place" {
  description = "Account, region and partition that the stack is in, as `meta` tells."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "kms_key_arn" {
  description = "Key that encrypts the database, its backups, logs and password."
  type        = string
}

variable "network" {
  description = "Where the database is, and who may reach it and its proxy, as `aws-vpc` tells."
  type = object({
    database_subnet_ids        = list(string)
    database_security_group_id = string
    proxy_security_group_id    = string
  })
}

variable "state_bucket" {
  description = "Name and ARN of the bucket of the database's exports."
  type        = object({ name = string, arn = string })
}

variable "alert_topic_arn" {
  description = "Topic that alarms and events of the database go to."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the database's logs are kept."
  type        = number
}

variable "name" {
  description = "Identifier of the instance, which its metrics bear."
  type        = string
  default     = "postgresql-instance"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){0,47}$", var.name))
    error_message = "The identifier of the database must be up to 48 small letters, digits and single hyphens, beginning with a letter and not ending with a hyphen, e.g. postgresql-instance."
  }
}

variable "database_name" {
  description = "Name of the database in the instance."
  type        = string
  default     = "smarterise"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database_name))
    error_message = "database_name must begin with a small letter and have only small letters, digits and underscores, e.g. smarterise."
  }
}

variable "username" {
  description = "User that owns the database. The password is in Secrets Manager alone: made and rotated by RDS or, with replica_enabled, made here and anew with each owner_password_version."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.username)) && !contains(["admin", "postgres", "rdsadmin", "public"], var.username)
    error_message = "username must begin with a small letter, have only small letters, digits and underscores, and not be a name that PostgreSQL or RDS keeps for itself (admin, postgres, rdsadmin, public)."
  }
}

variable "function_user" {
  description = "User that functions log in as, by IAM. The migrations make it."
  type        = string
  default     = "smarterise_functions"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.function_user)) && var.function_user != var.username
    error_message = "function_user must begin with a small letter, have only small letters, digits and underscores, and be another than the owner: functions need not own what they write to."
  }
}

variable "iam_users" {
  description = "All users that log in through the proxy, by IAM; function_user is to be one of them."
  type        = set(string)
  default     = ["smarterise_functions"]
  nullable    = false

  validation {
    condition     = contains(var.iam_users, var.function_user)
    error_message = "iam_users must have ${var.function_user}, as functions log in through the proxy too."
  }
}

variable "port" {
  description = "Port of the database."
  type        = number
  default     = 5432
  nullable    = false

  validation {
    condition     = var.port >= 1150 && var.port <= 65535
    error_message = "port must be between 1150 and 65535, as RDS takes nothing else."
  }
}

variable "engine_version" {
  description = "Version of PostgreSQL: the major one alone, so that RDS keeps the minor one new."
  type        = string
  default     = "17"
  nullable    = false

  validation {
    condition     = can(regex("^1[4-9](\\.[0-9]+)?$", var.engine_version))
    error_message = "engine_version must be PostgreSQL 14 or newer, e.g. 17: readings are kept in partitions that older ones do badly."
  }
}

variable "instance_class" {
  description = "Machine of the database, e.g. db.t4g.medium."
  type        = string
  default     = "db.t4g.medium"
  nullable    = false

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_class))
    error_message = "instance_class must be a class of RDS such as db.t4g.medium; it begins with \"db.\"."
  }
}

variable "storage_gb" {
  description = "Storage to begin with, in GB."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.storage_gb >= 20
    error_message = "storage_gb must be 20 or more, as RDS takes nothing less of this kind."
  }
}

variable "storage_limit_gb" {
  description = "Storage that RDS may let the database grow to by itself, in GB."
  type        = number
  default     = 500
  nullable    = false

  validation {
    condition     = var.storage_limit_gb >= var.storage_gb * 1.26
    error_message = "storage_limit_gb must be at least 26 % above storage_gb, as AWS advises, for the database to have room to grow: ${ceil(var.storage_gb * 1.26)} or more."
  }
}

variable "multi_az_enabled" {
  description = "Whether a copy stands by in a second zone."
  type        = bool
  default     = true
  nullable    = false
}

variable "replica_enabled" {
  description = "Whether there is a replica that can be read from."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.replica_enabled || var.backup_retention_days > 0
    error_message = "A replica needs backups of what it follows: set backup_retention_days to 1 or more."
  }
}

variable "owner_password_version" {
  description = "With a replica the owner's password is not rotated by RDS: raise this to have a new one made."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.owner_password_version >= 1 && floor(var.owner_password_version) == var.owner_password_version
    error_message = "owner_password_version must be a whole number, 1 or more."
  }
}

variable "proxy_enabled" {
  description = "Whether functions reach the database through RDS Proxy."
  type        = bool
  default     = false
  nullable    = false
}

variable "backup_retention_days" {
  description = "Days back that the database can be restored to any second of."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "backup_retention_days must be between 1 and 35: a database without backups is not to be had here, and RDS keeps none longer."
  }
}

variable "backup_window" {
  description = "When a snapshot is taken each day, in UTC."
  type        = string
  default     = "01:00-01:45"
  nullable    = false

  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", var.backup_window))
    error_message = "backup_window must be two times in UTC such as 01:00-01:45."
  }
}

variable "maintenance_window" {
  description = "When the database may be restarted for maintenance, in UTC."
  type        = string
  default     = "sun:02:30-sun:03:30"
  nullable    = false

  validation {
    condition     = can(regex("^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$", var.maintenance_window))
    error_message = "maintenance_window must be two times of the week in UTC such as sun:02:30-sun:03:30."
  }
}

variable "snapshot_identifier" {
  description = "Snapshot that the database is made from, to restore it; null for an empty one. It is replaced when this changes."
  type        = string
  default     = null
}

variable "major_upgrade_enabled" {
  description = "Whether a new major version in engine_version may be taken."
  type        = bool
  default     = false
  nullable    = false
}

variable "apply_immediately_enabled" {
  description = "Whether changes that need a restart are made at once, and not in the maintenance window."
  type        = bool
  default     = false
  nullable    = false
}

variable "destroy_with_data_enabled" {
  description = "Whether `terraform destroy` may take the database, its backups too, without a last snapshot; for environments that may be lost."
  type        = bool
  default     = false
  nullable    = false
}

variable "slow_statement_ms" {
  description = "Milliseconds from which a statement is written to the log."
  type        = number
  default     = 1000
  nullable    = false
}

variable "connections_limit" {
  description = "Connections above which it is told."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.connections_limit > 0
    error_message = "connections_limit must be more than 0."
  }
}

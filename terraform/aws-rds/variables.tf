variable "place" {
  description = "Account, region and partition of the stack; output of `meta`."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "kms_key_arn" {
  description = "Key that encrypts the database, its backups, logs and password."
  type        = string
}

variable "network" {
  description = "Subnets of the database, and security groups of database and proxy; outputs of `aws-vpc`."
  type = object({
    database_subnet_ids        = list(string)
    database_security_group_id = string
    proxy_security_group_id    = string
  })
}

variable "state_bucket" {
  description = "Name and ARN of the bucket of the database exports."
  type        = object({ name = string, arn = string })
}

variable "alert_topic_arn" {
  description = "Topic of the database's alarms and events."
  type        = string
}

variable "log_retention_days" {
  description = "Retention in days of the database's logs."
  type        = number
}

variable "name" {
  description = "Identifier of the instance, used as metric dimension."
  type        = string
  default     = "postgresql-instance"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){0,47}$", var.name))
    error_message = "The identifier of the database must be up to 48 lowercase letters, digits and single hyphens, beginning with a letter and not ending with a hyphen, e.g. postgresql-instance."
  }
}

variable "database_name" {
  description = "Name of the database in the instance."
  type        = string
  default     = "smarterise"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database_name))
    error_message = "database_name must begin with a small letter and have only lowercase letters, digits and underscores, e.g. smarterise."
  }
}

variable "username" {
  description = "User that owns the database. The password is only in Secrets Manager: created and rotated by RDS or, with replica_enabled, created here for each owner_password_version."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.username)) && !contains(["admin", "postgres", "rdsadmin", "public"], var.username)
    error_message = "username must begin with a lowercase letter, have only lowercase letters, digits and underscores, and not be a name that PostgreSQL or RDS reserves (admin, postgres, rdsadmin, public)."
  }
}

variable "function_user" {
  description = "Database user of the functions, with IAM login, created by the migrations."
  type        = string
  default     = "smarterise_functions"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.function_user)) && var.function_user != var.username
    error_message = "function_user must begin with a lowercase letter, have only lowercase letters, digits and underscores, and differ from the owner: functions get row privileges only."
  }
}

variable "iam_users" {
  description = "Users that log in through the proxy, by IAM; must include function_user."
  type        = set(string)
  default     = ["smarterise_functions"]
  nullable    = false

  validation {
    condition     = contains(var.iam_users, var.function_user)
    error_message = "iam_users must contain ${var.function_user}, because functions log in through the proxy."
  }
}

variable "port" {
  description = "Port of the database."
  type        = number
  default     = 5432
  nullable    = false

  validation {
    condition     = var.port >= 1150 && var.port <= 65535
    error_message = "port must be between 1150 and 65535, as RDS requires."
  }
}

variable "engine_version" {
  description = "PostgreSQL version: major version only, so RDS upgrades minor versions."
  type        = string
  default     = "17"
  nullable    = false

  validation {
    condition     = can(regex("^1[4-9](\\.[0-9]+)?$", var.engine_version))
    error_message = "engine_version must be PostgreSQL 14 or later, e.g. 17: earlier versions are slow with the partitioned readings table."
  }
}

variable "instance_class" {
  description = "Instance class of the database, e.g. db.t4g.medium."
  type        = string
  default     = "db.t4g.medium"
  nullable    = false

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_class))
    error_message = "instance_class must be a class of RDS such as db.t4g.medium; it begins with \"db.\"."
  }
}

variable "storage_gb" {
  description = "Initial storage, in GB."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.storage_gb >= 20
    error_message = "storage_gb must be 20 or more, the minimum for this storage type."
  }
}

variable "storage_limit_gb" {
  description = "Maximum storage for autoscaling, in GB."
  type        = number
  default     = 500
  nullable    = false

  validation {
    condition     = var.storage_limit_gb >= var.storage_gb * 1.26
    error_message = "storage_limit_gb must be at least 26 % above storage_gb, as AWS recommends for autoscaling: ${ceil(var.storage_gb * 1.26)} or more."
  }
}

variable "multi_az_enabled" {
  description = "Whether the database has a standby in a second zone."
  type        = bool
  default     = true
  nullable    = false
}

variable "replica_enabled" {
  description = "Whether the database has a read replica."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.replica_enabled || var.backup_retention_days > 0
    error_message = "A replica needs backups of the primary instance: set backup_retention_days to 1 or more."
  }
}

variable "owner_password_version" {
  description = "Version of the owner's password with a replica, when RDS does not rotate it: raise it to create a new password."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.owner_password_version >= 1 && floor(var.owner_password_version) == var.owner_password_version
    error_message = "owner_password_version must be a whole number, 1 or more."
  }
}

variable "proxy_enabled" {
  description = "Whether functions connect to the database through RDS Proxy."
  type        = bool
  default     = false
  nullable    = false
}

variable "backup_retention_days" {
  description = "Point-in-time recovery window in days."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "backup_retention_days must be between 1 and 35: backups are required, and 35 is the maximum of RDS."
  }
}

variable "backup_window" {
  description = "Daily backup window, in UTC."
  type        = string
  default     = "01:00-01:45"
  nullable    = false

  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", var.backup_window))
    error_message = "backup_window must be two times in UTC such as 01:00-01:45."
  }
}

variable "maintenance_window" {
  description = "Weekly maintenance window, in UTC."
  type        = string
  default     = "sun:02:30-sun:03:30"
  nullable    = false

  validation {
    condition     = can(regex("^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$", var.maintenance_window))
    error_message = "maintenance_window must be two times of the week in UTC such as sun:02:30-sun:03:30."
  }
}

variable "snapshot_identifier" {
  description = "Snapshot to create the database from; null for an empty one. A change replaces the database."
  type        = string
  default     = null
}

variable "major_upgrade_enabled" {
  description = "Whether to allow a major version upgrade to engine_version."
  type        = bool
  default     = false
  nullable    = false
}

variable "apply_immediately_enabled" {
  description = "Whether changes that need a restart are applied immediately instead of in the maintenance window."
  type        = bool
  default     = false
  nullable    = false
}

variable "destroy_with_data_enabled" {
  description = "Whether `terraform destroy` may delete the database with its backups and without a final snapshot; for environments without data to keep."
  type        = bool
  default     = false
  nullable    = false
}

variable "slow_statement_ms" {
  description = "Minimum duration in milliseconds of statements that are logged."
  type        = number
  default     = 1000
  nullable    = false
}

variable "connections_limit" {
  description = "Alarm threshold: number of connections."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.connections_limit > 0
    error_message = "connections_limit must be more than 0."
  }
}

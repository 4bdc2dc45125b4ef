variable "place" {
  description = "Account, region and partition of the stack; output of `meta`."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "names" {
  description = "Names of the stack's resources; output of `meta`."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "KMS key of the stack."
  type        = string
}

variable "package_dir" {
  description = "Folder of the functions' zips, the output of `make lambdas`."
  type        = string
}

variable "log_retention_days" {
  description = "Retention in days of the functions' logs."
  type        = number
}

variable "site_config" {
  description = "Bucket, bucket ARN and key of the site file."
  type        = object({ bucket = string, bucket_arn = string, key = string })
}

variable "data_lake" {
  description = "Name and ARN of the data lake bucket, and whether AWS Backup backs it up."
  type        = object({ name = string, arn = string, backups_enabled = optional(bool, false) })
}

variable "ftp_folder" {
  description = "Prefix of log files in the data lake, with a trailing slash."
  type        = string
}

variable "stream" {
  description = "Name and ARN of the stream, with batch size and batching window in seconds."
  type = object({
    name                    = string
    arn                     = string
    batch_size              = optional(number, 100)
    batching_window_seconds = optional(number, 5)
    readers_per_shard       = optional(number, 1)
    retries                 = optional(number, 10)
  })

  validation {
    condition     = var.stream.retries >= 0 && var.stream.retries <= 100
    error_message = "retries of the stream must be between 0 and 100: unlimited retries of a failing batch would block its shard."
  }
}

variable "ftp" {
  description = "The FTP server: URL without credentials, user, and version of the password. Raise the version to write a new password."
  type        = object({ url = string, user = string, password_version = number })

  validation {
    condition     = can(regex("^ftps?://[^/@:]+(:[0-9]+)?/", "${var.ftp.url}/"))
    error_message = "The URL of the FTP server must be ftp:// or ftps:// with a host, and without credentials, which are in Secrets Manager."
  }
}

variable "ftp_password" {
  description = "Password of the FTP user. Written to Secrets Manager; in no state and no plan."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "database" {
  description = "Connection data of the database: host for functions (the proxy, if enabled), host and resource id of the instance, resource id for IAM logins, user of the functions, and secret of the owner. A change of instance_resource_id runs the migrations again."
  type = object({
    host                 = string
    port                 = number
    name                 = string
    resource_id          = string
    function_user        = string
    master_secret_arn    = string
    direct_host          = string
    instance_resource_id = optional(string)
  })
}

variable "database_url" {
  description = "Version of the external database's URL, 0 for none; raise it to write a new URL."
  type        = object({ version = number })
  default     = { version = 0 }
  nullable    = false
}

variable "database_url_value" {
  description = "URL of an external database. Written to Secrets Manager; in no state and no plan."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "network" {
  description = "Subnets and security groups of the functions that need the database."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
}

variable "database_concurrency" {
  description = "Reserved concurrency of each function with a database connection."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.database_concurrency >= 1
    error_message = "database_concurrency must be 1 or more: with 0 nothing would be loaded."
  }
}

variable "mail" {
  description = "Alarm e-mails: sender, recipients, and ARNs of the SES identity and configuration set."
  type        = object({ sender = string, recipients = list(string), identity_arns = list(string) })
}

variable "alert_topic_arn" {
  description = "Topic that alarm_notifier subscribes to."
  type        = string
}

variable "alarm_news" {
  description = "SNS filter policy for message bodies, in JSON; null for all messages. Messages that are not JSON are filtered out: budget alerts are sent by e-mail directly."
  type        = string
  default     = null

  validation {
    condition     = can(jsondecode(coalesce(var.alarm_news, "{}")))
    error_message = "alarm_news must be an SNS filter policy in JSON, e.g. jsonencode({ NewStateValue = [\"ALARM\"] })."
  }
}

variable "functions" {
  description = "Handler, timeout and default memory of each function, from terraform/meta/domain.json."
  type        = map(object({ handler = string, timeout_seconds = number, memory_mb = number }))
}

variable "memory_mb" {
  description = "Memory of each function; null for the default of `functions`."
  type = object({
    ftp_to_s3         = optional(number)
    s3_to_rds         = optional(number)
    kinesis_to_s3_rds = optional(number)
    alarm_notifier    = optional(number)
    ingest_manager    = optional(number)
    migrate_database  = optional(number)
  })
  default  = {}
  nullable = false
}

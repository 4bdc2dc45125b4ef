variable "place" {
  description = "Account, region and partition that the stack is in, as `meta` tells."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "names" {
  description = "What every part of the stack is called, as `meta` tells."
  type        = map(string)
}

variable "kms_key_arn" {
  description = "Key that encrypts what the stack keeps."
  type        = string
}

variable "package_dir" {
  description = "Folder of the functions' zips, as `make lambdas` leaves them."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the functions' logs are kept."
  type        = number
}

variable "site_config" {
  description = "Bucket, its ARN and key of the site file."
  type        = object({ bucket = string, bucket_arn = string, key = string })
}

variable "data_lake" {
  description = "Name and ARN of the lake's bucket, and whether AWS Backup backs it up."
  type        = object({ name = string, arn = string, backups_enabled = optional(bool, false) })
}

variable "ftp_folder" {
  description = "Prefix in the lake under which files of the FTP server are kept, with its slash."
  type        = string
}

variable "stream" {
  description = "Name and ARN of the stream, and how it is read: batches of so many records, or of what came in so many seconds."
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
    error_message = "retries of the stream must be between 0 and 100: a batch that fails for ever stops its shard for ever."
  }
}

variable "ftp" {
  description = "The FTP server: URL without user and password, user, and the version of the password. Raise the version to have a new password written."
  type        = object({ url = string, user = string, password_version = number })

  validation {
    condition     = can(regex("^ftps?://[^/@:]+(:[0-9]+)?/", "${var.ftp.url}/"))
    error_message = "The URL of the FTP server must be ftp:// or ftps:// with a host, and without user and password: those are kept in Secrets Manager."
  }
}

variable "ftp_password" {
  description = "Password of the FTP user. Kept in Secrets Manager; in no state and no plan."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "database" {
  description = "Where the database is: host for functions (the proxy, where there is one), host and resource id of the instance itself, resource id for IAM logins, the user that functions log in as, and the secret of its owner. With another instance_resource_id the schema is brought up to date again."
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
  description = "Another database than the stack's own: its version, 0 for none; raise it to have a new URL written."
  type        = object({ version = number })
  default     = { version = 0 }
  nullable    = false
}

variable "database_url_value" {
  description = "URL of another database than the stack's own. Kept in Secrets Manager; in no state and no plan."
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
  description = "How many of each function may talk to the database at once: each has a connection of its own."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.database_concurrency >= 1
    error_message = "database_concurrency must be 1 or more: with 0 nothing would ever be loaded."
  }
}

variable "mail" {
  description = "What letters of alarms are sent with: sender, recipients, and the ARNs that SES is to send by."
  type        = object({ sender = string, recipients = list(string), identity_arns = list(string) })
}

variable "alert_topic_arn" {
  description = "Topic whose messages alarm_notifier tells."
  type        = string
}

variable "alarm_news" {
  description = "Which of the topic's messages are news, as SNS's filter of their bodies, in JSON; null: all. Text that is no JSON does not pass a filter: budgets reach people by e-mail directly."
  type        = string
  default     = null

  validation {
    condition     = can(jsondecode(coalesce(var.alarm_news, "{}")))
    error_message = "alarm_news must be a filter of SNS in JSON, e.g. jsonencode({ NewStateValue = [\"ALARM\"] })."
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

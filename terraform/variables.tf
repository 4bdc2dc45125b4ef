# Variables of the infrastructure guide, by their names there, followed by additional ones.

# Sites

variable "smart_device_names" {
  description = "Gateway serials of the sites, e.g. [\"ehm21120333\", \"AN54101471\"]. Used to create IoT things, policies, alarms and, once, the initial site-tiers.json; afterwards operators own that file."
  type        = list(string)

  validation {
    condition     = length(var.smart_device_names) > 0
    error_message = "smart_device_names is empty: name the gateway serial of at least one device, e.g. [\"ehm21120333\"]."
  }

  validation {
    condition     = alltrue([for serial in var.smart_device_names : can(regex("^[A-Za-z0-9]{3,64}$", serial))])
    error_message = "smart_device_names must be gateway serials of 3 to 64 letters and digits, as on the gateway's plate; correct: ${join(", ", [for serial in var.smart_device_names : serial if !can(regex("^[A-Za-z0-9]{3,64}$", serial))])}."
  }

  validation {
    condition     = length(distinct(var.smart_device_names)) == length(var.smart_device_names)
    error_message = "smart_device_names contains a device twice: list each once."
  }
}

variable "site_details" {
  description = "Initial data of sites, by gateway serial; nominal_voltage in volts, capacity_kva in kVA. Alarm thresholds depend on it. Default for other sites: CRITICAL, 230 V, EN 50160."
  type = map(object({
    tier            = optional(string, "CRITICAL")
    enabled         = optional(bool, true)
    name            = optional(string)
    asset_id        = optional(string)
    nominal_voltage = optional(number)
    capacity_kva    = optional(number)
    timezone        = optional(string)
    quality_profile = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for serial in keys(var.site_details) : contains(var.smart_device_names, serial)])
    error_message = "site_details contains a site that is not in smart_device_names: add it there, or remove it here: ${join(", ", [for serial in keys(var.site_details) : serial if !contains(var.smart_device_names, serial)])}."
  }

  validation {
    condition     = alltrue([for site in values(var.site_details) : contains(["CRITICAL", "NON_CRITICAL"], site.tier)])
    error_message = "The tier of a site in site_details must be CRITICAL or NON_CRITICAL; correct: ${join(", ", [for serial, site in var.site_details : "${serial} has ${site.tier}" if !contains(["CRITICAL", "NON_CRITICAL"], site.tier)])}."
  }

  validation {
    condition     = alltrue([for site in values(var.site_details) : contains(["en50160", "c84.1", "custom"], coalesce(site.quality_profile, "en50160"))])
    error_message = "The quality_profile of a site in site_details must be en50160, c84.1 or custom."
  }
}

variable "site_config_bucket_name" {
  description = "Name of the bucket of site-tiers.json."
  type        = string
  default     = "smarterise-site-config"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.site_config_bucket_name))
    error_message = "site_config_bucket_name must be 3 to 63 lowercase letters, digits, hyphens and dots, as S3 requires."
  }
}

# Domain

variable "smarterise_domain_root" {
  description = "Domain of the web application and of the sender of notification e-mails, e.g. dev.demo.powersmarter.net."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.smarterise_domain_root))
    error_message = "smarterise_domain_root must be a full domain name with a dot in it, in lowercase letters and without https://, e.g. dev.demo.powersmarter.net."
  }
}

# Database

variable "rds_postgresql_username" {
  description = "User that owns the database. The password is only in Secrets Manager: created and rotated by RDS or, with database_replica_enabled, created here for each database_owner_password_version."
  type        = string
  default     = "dbadmin"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.rds_postgresql_username)) && !contains(["admin", "postgres", "rdsadmin", "public"], var.rds_postgresql_username)
    error_message = "rds_postgresql_username must begin with a lowercase letter, have only lowercase letters, digits and underscores, and not be a name that PostgreSQL or RDS reserves (admin, postgres, rdsadmin, public)."
  }
}

variable "database_url" {
  description = "URL of an external PostgreSQL, postgresql://user:password@host:port/database; null for the stack's own. Set it as TF_VAR_database_url: it is written to Secrets Manager and is in no state."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = var.database_url == null || can(regex("^postgres(ql)?://[^:/@]+:[^@]+@[^:/@]+(:[0-9]+)?/[^/]+$", coalesce(var.database_url, "-")))
    error_message = "database_url must be of the form postgresql://user:password@host:port/database, with special characters percent-encoded."
  }

  validation {
    condition     = !strcontains(coalesce(var.database_url, "-"), "username:password@host")
    error_message = "database_url is the guide's example: omit it for the stack's own database, or set the URL of another as TF_VAR_database_url."
  }

  validation {
    condition     = (var.database_url == null) == (var.database_url_version == 0)
    error_message = "database_url and database_url_version go together: with a URL the version is 1 or more (raise it to write a changed URL), without one it is 0."
  }
}

variable "database_url_version" {
  description = "0 for the stack's own database; 1 or more with database_url, raised each time that URL changes."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.database_url_version >= 0 && floor(var.database_url_version) == var.database_url_version
    error_message = "database_url_version must be a whole number, 0 or more."
  }
}

variable "database_url_port" {
  description = "Port of the database of database_url, the only port outside the VPC that functions can reach; none without database_url."
  type        = number
  default     = 5432
  nullable    = false

  validation {
    condition     = var.database_url_port >= 1 && var.database_url_port <= 65535 && floor(var.database_url_port) == var.database_url_port
    error_message = "database_url_port must be a whole number from 1 to 65535, the port in database_url."
  }
}

variable "database_instance_class" {
  description = "Instance class of the stack's own database, e.g. db.t4g.medium. A change restarts it in the next maintenance window."
  type        = string
  default     = "db.t4g.medium"
  nullable    = false

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.database_instance_class))
    error_message = "database_instance_class must be a class of RDS such as db.t4g.medium; it begins with \"db.\"."
  }
}

variable "database_standby_enabled" {
  description = "Whether the database has a standby in a second availability zone; ignored with mode = \"minimal\"."
  type        = bool
  default     = true
  nullable    = false
}

variable "database_proxy_enabled" {
  description = "Whether functions connect to the database through RDS Proxy, useful with many concurrent invocations; ignored with mode = \"minimal\"."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_replica_enabled" {
  description = "Whether the database has a read replica; ignored with mode = \"minimal\". With a replica RDS does not rotate the owner's password: see database_owner_password_version."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_owner_password_version" {
  description = "With a replica: raise it to create a new owner password, in the database and in Secrets Manager."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.database_owner_password_version >= 1 && floor(var.database_owner_password_version) == var.database_owner_password_version
    error_message = "database_owner_password_version must be a whole number, 1 or more."
  }
}

variable "database_engine_version" {
  description = "PostgreSQL version: major version only, e.g. 17, so RDS upgrades minor versions."
  type        = string
  default     = "17"
  nullable    = false

  validation {
    condition     = can(regex("^1[4-9](\\.[0-9]+)?$", var.database_engine_version))
    error_message = "database_engine_version must be PostgreSQL 14 or later, e.g. 17: earlier versions are slow with the partitioned readings table."
  }
}

variable "database_major_upgrade_enabled" {
  description = "Whether to allow a major version upgrade to database_engine_version. Set it for one apply only."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_apply_immediately_enabled" {
  description = "Whether changes that restart the database are applied immediately instead of in the maintenance window (Sunday 02:30 to 03:30 UTC)."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_storage_gb" {
  description = "Initial storage of the database, in GB."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.database_storage_gb >= 20
    error_message = "database_storage_gb must be 20 or more, the minimum for this storage type."
  }
}

variable "database_storage_limit_gb" {
  description = "Maximum storage for autoscaling, in GB."
  type        = number
  default     = 500
  nullable    = false

  validation {
    condition     = var.database_storage_limit_gb >= var.database_storage_gb * 1.26
    error_message = "database_storage_limit_gb must be at least 26 % above database_storage_gb, as AWS recommends for autoscaling: ${ceil(var.database_storage_gb * 1.26)} or more."
  }
}

variable "database_snapshot_identifier" {
  description = "Snapshot to create a new stack's database from; null for an empty one. Never set it for an existing database, which would be replaced: to restore one see docs/how-to/restore.md."
  type        = string
  default     = null
}

# Network

variable "vpc_cidr" {
  description = "CIDR block of the VPC, /16 to /20, not in use in connected networks."
  type        = string
  default     = "10.20.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 4, 15)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 20, false) && try(cidrhost(var.vpc_cidr, 0) == split("/", var.vpc_cidr)[0], false)
    error_message = "vpc_cidr must be a CIDR block between /16 and /20 that begins at its first address, e.g. 10.20.0.0/16."
  }
}

# FTP

variable "ftp_host" {
  description = "Host of the FTP server that gateways upload files to, with the port if it is not the default."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9.-]+(:[0-9]{1,5})?$", var.ftp_host))
    error_message = "ftp_host must be a host name only, e.g. ftp.smarterise.com: the protocol is ftp_protocol, user and folder have separate variables."
  }
}

variable "ftp_user" {
  description = "User on the FTP server."
  type        = string

  validation {
    condition     = length(var.ftp_user) > 0 && var.ftp_user != "your-ftp-user"
    error_message = "ftp_user must be the user on the FTP server; \"your-ftp-user\" is the guide's example."
  }
}

variable "ftp_pass" {
  description = "Password of the FTP user. Set it as TF_VAR_ftp_pass: it is written to Secrets Manager and is in no state. It is written again only when ftp_pass_version is raised."
  type        = string
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = length(var.ftp_pass) > 0 && var.ftp_pass != "your-ftp-password"
    error_message = "ftp_pass must be the password of the FTP user, set as the environment variable TF_VAR_ftp_pass; \"your-ftp-password\" is the guide's example."
  }
}

variable "ftp_pass_version" {
  description = "Raise it each time the FTP password changes: only then is the new one written."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.ftp_pass_version >= 1 && floor(var.ftp_pass_version) == var.ftp_pass_version
    error_message = "ftp_pass_version must be a whole number, 1 or more."
  }

  # Here and not at ftp_pass, because Terraform prints the line of a rejected value.
  validation {
    condition = var.ftp_pass_version < 1 || alltrue([
      for file in setunion(fileset(path.root, "*.tfvars"), fileset(path.root, "environments/*.tfvars")) :
      !can(regex("(?m)^\\s*(ftp_pass|database_url)\\s*=", file("${path.root}/${file}")))
    ])
    error_message = "A .tfvars file contains a password: remove the lines ftp_pass and database_url and set the environment variables TF_VAR_ftp_pass and TF_VAR_database_url instead. Then change the password, if the file was ever committed."
  }
}

variable "ftp_folder" {
  description = "Folder of the gateways' files on the FTP server."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = startswith(var.ftp_folder, "/") && !strcontains(var.ftp_folder, "?") && !strcontains(var.ftp_folder, "#")
    error_message = "ftp_folder must begin with / and contain neither ? nor #, e.g. /meters."
  }
}

variable "ftp_protocol" {
  description = "ftp, or ftps for TLS; with ftp, password and files are sent in clear text."
  type        = string
  default     = "ftp"
  nullable    = false

  validation {
    condition     = contains(["ftp", "ftps"], var.ftp_protocol)
    error_message = "ftp_protocol must be ftp or ftps."
  }
}

# Buckets

variable "s3_bucket" {
  description = "Data lake bucket: raw readings and, under s3_folder, log files."
  type        = string
  default     = "smarterise-data-lake-raw"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.s3_bucket))
    error_message = "s3_bucket must be 3 to 63 lowercase letters, digits, hyphens and dots, as S3 requires."
  }
}

variable "s3_folder" {
  description = "Prefix of log files in s3_bucket; must be ftp-backups/."
  type        = string
  default     = "ftp-backups/"
  nullable    = false

  validation {
    condition     = var.s3_folder == "ftp-backups/"
    error_message = "s3_folder must be \"ftp-backups/\": ftp_to_s3 writes to it, and its events invoke s3_to_rds_lambda."
  }
}

variable "datalake_raw_athena_results_storage_bucket_name" {
  description = "Bucket of Athena query results, kept for 30 days."
  type        = string
  default     = "datalake-raw-athena-results1"
  nullable    = false
}

variable "iot_device_certificate_bucket_name" {
  description = "Bucket of the device certificates, without private keys."
  type        = string
  default     = "smarterise-accuenergy-mqtt-certificates1"
  nullable    = false
}

variable "rds_state_bucket_name" {
  description = "Bucket of database snapshot exports."
  type        = string
  default     = "smarterise-rds-state1"
  nullable    = false
}

variable "access_log_bucket_name" {
  description = "Bucket of the S3 access logs, kept for 365 days."
  type        = string
  default     = "smarterise-access-logs1"
  nullable    = false
}

# Environment

variable "environment" {
  description = "Name of the environment, e.g. dev. Each needs its own account, because functions and log groups have the same names in all."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.environment))
    error_message = "environment must be 2 to 16 lowercase letters, digits and hyphens, beginning with a letter, e.g. dev."
  }
}

variable "mode" {
  description = "full, or minimal for site switching, data and monitoring only: no web application, no database standby, proxy or replica, no audit, no backup vaults."
  type        = string
  default     = "full"
  nullable    = false

  validation {
    condition     = contains(["full", "minimal"], var.mode)
    error_message = "mode must be full or minimal."
  }
}

variable "aws_region" {
  description = "Region of the stack, e.g. eu-west-1."
  type        = string
  default     = "eu-west-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.aws_region))
    error_message = "aws_region must be a region such as eu-west-1."
  }
}

variable "aws_account_ids" {
  description = "Accounts that this environment may be deployed to; null for the account of the credentials."
  type        = list(string)
  default     = null

  validation {
    condition     = alltrue([for id in coalesce(var.aws_account_ids, []) : can(regex("^[0-9]{12}$", id))])
    error_message = "aws_account_ids must be AWS account ids of 12 digits, in quotes."
  }
}

variable "destroy_with_data_enabled" {
  description = "Whether `terraform destroy` may delete buckets with their objects, images, backups, and the database without a final snapshot. For environments without data to keep."
  type        = bool
  default     = false
  nullable    = false
}

# Functions

variable "lambda_package_dir" {
  description = "Folder of the functions' zips; null for the output folder of `make lambdas`."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Retention in days of logs in CloudWatch and of the web application's log bucket."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of the values that CloudWatch supports: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400 and more years."
  }
}

variable "collection_schedules" {
  description = "FTP collection schedule of each tier, an EventBridge cron(…) or rate(…) expression in UTC."
  type        = object({ critical = string, non_critical = string })
  default     = { critical = "cron(0/15 * * * ? *)", non_critical = "cron(0 * * * ? *)" }
  nullable    = false
}

variable "stream_shard_count" {
  description = "Shards of the stream, each for 1,000 readings or 1 MB a second; null for on-demand mode, which scales automatically at its own price."
  type        = number
  default     = null

  validation {
    condition     = coalesce(var.stream_shard_count, 1) >= 1 && floor(coalesce(var.stream_shard_count, 1)) == coalesce(var.stream_shard_count, 1)
    error_message = "stream_shard_count must be a whole number, 1 or more, or null for on-demand mode."
  }
}

variable "device_signing_requests" {
  description = "Certificate signing requests (PEM) by gateway serial; a gateway without one gets no certificate."
  type        = map(string)
  default     = {}
  nullable    = false
}

# Notifications

variable "alert_emails" {
  description = "Recipients of alarm notifications. Each must confirm an SNS e-mail once."
  type        = list(string)

  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for address in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "alert_emails must contain at least one e-mail address, e.g. [\"oncall@powersmarter.net\"]."
  }
}

# Web application

variable "dns_zone_name" {
  description = "Route53 zone of smarterise_domain_root; null for a zone with the same name."
  type        = string
  default     = null
}

variable "dns_zone_creation_enabled" {
  description = "Whether to create the zone; otherwise it must exist in Route53."
  type        = bool
  default     = false
  nullable    = false
}

variable "web_image_tag" {
  description = "Tag or digest of the web application's image in the stack's repository."
  type        = string
  default     = "initial"
  nullable    = false

  validation {
    condition     = can(regex("^(sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$", var.web_image_tag)) && var.web_image_tag != "latest"
    error_message = "web_image_tag must be the tag or digest of one image, not \"latest\": tags are immutable, so a rollback uses the same image."
  }
}

variable "web_scaling" {
  description = "Minimum and maximum number of tasks of the web application."
  type        = object({ fewest = number, most = number })
  default     = { fewest = 1, most = 2 }
  nullable    = false

  validation {
    condition     = var.web_scaling.fewest >= 1 && var.web_scaling.most >= var.web_scaling.fewest
    error_message = "web_scaling needs fewest of 1 or more, and most greater than or equal to fewest."
  }
}

variable "web_log_bucket_name" {
  description = "Bucket of the logs of load balancer, CloudFront and WAF; its name begins with aws-waf-logs-."
  type        = string
  default     = "aws-waf-logs-smarterise"
  nullable    = false

  validation {
    condition     = can(regex("^aws-waf-logs-[a-z0-9.-]{1,49}[a-z0-9]$", var.web_log_bucket_name))
    error_message = "web_log_bucket_name must begin with aws-waf-logs-, as AWS WAF requires."
  }
}

# Security, backups, costs

variable "audit_enabled" {
  description = "Whether to record the account with CloudTrail and AWS Config; ignored with mode = \"minimal\". Set it to false if a landing zone does so already."
  type        = bool
  default     = true
  nullable    = false
}

variable "audit_bucket_name" {
  description = "Bucket of the CloudTrail and AWS Config records."
  type        = string
  default     = "smarterise-audit1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.audit_bucket_name))
    error_message = "audit_bucket_name must be 3 to 63 lowercase letters, digits, hyphens and dots, as S3 requires."
  }
}

variable "audit_retention_days" {
  description = "Retention in days of the CloudTrail and AWS Config records."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.audit_retention_days >= 121 && floor(var.audit_retention_days) == var.audit_retention_days
    error_message = "audit_retention_days must be a whole number of 121 days or more: after 90 days logs move to cheaper storage, where S3 bills at least 30 days."
  }
}

variable "backups_enabled" {
  description = "Whether database, site file and certificates are backed up in a vault and copied to a second region; ignored with mode = \"minimal\". RDS keeps its own backups of the last 14 days in any case."
  type        = bool
  default     = true
  nullable    = false
}

variable "backup_copy_region" {
  description = "Region that backups are copied to."
  type        = string
  default     = "eu-central-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.backup_copy_region)) && var.backup_copy_region != var.aws_region
    error_message = "backup_copy_region must be a region such as eu-central-1, different from aws_region (${var.aws_region}): a copy in the same region would be lost with it."
  }
}

variable "backup_daily_retention_days" {
  description = "Retention in days of daily backups, in both regions."
  type        = number
  default     = 35
  nullable    = false

  validation {
    condition     = var.backup_daily_retention_days >= 7 && floor(var.backup_daily_retention_days) == var.backup_daily_retention_days
    error_message = "backup_daily_retention_days must be a whole number of 7 days or more, the minimum retention of the locked vaults."
  }
}

variable "backup_monthly_retention_days" {
  description = "Retention in days of monthly backups, in both regions."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.backup_monthly_retention_days >= var.backup_daily_retention_days && floor(var.backup_monthly_retention_days) == var.backup_monthly_retention_days
    error_message = "backup_monthly_retention_days must be a whole number of days, not less than backup_daily_retention_days (${var.backup_daily_retention_days})."
  }
}

variable "backup_lake_enabled" {
  description = "Whether the data lake is backed up and copied too. Its size and cost grow with each reading."
  type        = bool
  default     = false
  nullable    = false
}

variable "backup_restore_test_enabled" {
  description = "Whether to run a monthly restore test of the latest backups of database and site file, separate from the stack."
  type        = bool
  default     = true
  nullable    = false
}

variable "monthly_budget_usd" {
  description = "Monthly budget of the account, in US dollars: alerts at 80 %, at 100 % and when the forecast exceeds it. Expected costs: docs/how-to/costs.md."
  type        = number
  default     = 500
  nullable    = false

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be more than 0 US dollars."
  }
}

variable "cost_anomaly_limit_usd" {
  description = "Threshold of cost anomaly alerts for one service, in US dollars."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.cost_anomaly_limit_usd > 0
    error_message = "cost_anomaly_limit_usd must be more than 0 US dollars."
  }
}

variable "cost_anomaly_monitor_arn" {
  description = "ARN of the account's existing cost anomaly monitor of all services (newer accounts have one); null to create one."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:[a-z-]+:ce::[0-9]{12}:anomalymonitor/[0-9a-f-]+$", coalesce(var.cost_anomaly_monitor_arn, "arn:aws:ce::123456789012:anomalymonitor/0")))
    error_message = "cost_anomaly_monitor_arn must be the ARN of a monitor from `aws ce get-anomaly-monitors`, e.g. arn:aws:ce::123456789012:anomalymonitor/1a2b3c4d."
  }
}

# The variables of the infrastructure guide, by their names there; below them what it leaves open.

# Sites

variable "smart_device_names" {
  description = "Gateway serials of the sites, e.g. [\"ehm21120333\", \"AN54101471\"]: things, policies and alarms are made of them, and once the first site-tiers.json; afterwards the file is the operators'."
  type        = list(string)

  validation {
    condition     = length(var.smart_device_names) > 0
    error_message = "smart_device_names is empty: name the gateway serial of one device at least, e.g. [\"ehm21120333\"]."
  }

  validation {
    condition     = alltrue([for serial in var.smart_device_names : can(regex("^[A-Za-z0-9]{3,64}$", serial))])
    error_message = "smart_device_names must be gateway serials of 3 to 64 letters and digits, as on the gateway's plate; correct: ${join(", ", [for serial in var.smart_device_names : serial if !can(regex("^[A-Za-z0-9]{3,64}$", serial))])}."
  }

  validation {
    condition     = length(distinct(var.smart_device_names)) == length(var.smart_device_names)
    error_message = "smart_device_names names a device twice: leave each in once."
  }
}

variable "site_details" {
  description = "What is known of sites from the start, by gateway serial; nominal_voltage in volts, capacity_kva in kVA. Their alarms' limits follow from it; a site that is not here is CRITICAL, of 230 V, and held to EN 50160."
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
    error_message = "site_details tells of a site that is not among smart_device_names: add it there, or take it out here: ${join(", ", [for serial in keys(var.site_details) : serial if !contains(var.smart_device_names, serial)])}."
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
    error_message = "site_config_bucket_name must be 3 to 63 small letters, digits, hyphens and dots, as S3 takes nothing else."
  }
}

# Domain

variable "smarterise_domain_root" {
  description = "Domain of the web application and of the address that letters are sent from, e.g. dev.demo.powersmarter.net."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.smarterise_domain_root))
    error_message = "smarterise_domain_root must be a full domain name with a dot in it, in small letters and without https://, e.g. dev.demo.powersmarter.net."
  }
}

# Database

variable "rds_postgresql_username" {
  description = "User that owns the database. The password is in Secrets Manager alone: made and rotated by RDS or, with database_replica_enabled, made here and anew with each database_owner_password_version."
  type        = string
  default     = "dbadmin"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.rds_postgresql_username)) && !contains(["admin", "postgres", "rdsadmin", "public"], var.rds_postgresql_username)
    error_message = "rds_postgresql_username must begin with a small letter, have only small letters, digits and underscores, and not be a name that PostgreSQL or RDS keeps for itself (admin, postgres, rdsadmin, public)."
  }
}

variable "database_url" {
  description = "Another PostgreSQL than the stack's own, postgresql://user:password@host:port/database; null for the stack's own. Give it as TF_VAR_database_url: it goes to Secrets Manager and is in no state."
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
    error_message = "database_url is the guide's example: leave it out for the stack's own database, or give the URL of another as TF_VAR_database_url."
  }

  validation {
    condition     = (var.database_url == null) == (var.database_url_version == 0)
    error_message = "database_url and database_url_version go together: with a URL the version is 1 or more (raise it to have a changed URL written), without one it is 0."
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
  description = "Port of the database of database_url, the only one that functions may reach outside of the network; without database_url they reach none."
  type        = number
  default     = 5432
  nullable    = false

  validation {
    condition     = var.database_url_port >= 1 && var.database_url_port <= 65535 && floor(var.database_url_port) == var.database_url_port
    error_message = "database_url_port must be a whole number from 1 to 65535, the port in database_url."
  }
}

variable "database_instance_class" {
  description = "Class of the machine of the stack's own database, e.g. db.t4g.medium. A change restarts it in the next maintenance window."
  type        = string
  default     = "db.t4g.medium"
  nullable    = false

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.database_instance_class))
    error_message = "database_instance_class must be a class of RDS such as db.t4g.medium; it begins with \"db.\"."
  }
}

variable "database_standby_enabled" {
  description = "Whether a copy of the database stands by in a second zone and takes over; never with mode = \"minimal\"."
  type        = bool
  default     = true
  nullable    = false
}

variable "database_proxy_enabled" {
  description = "Whether functions reach the database through RDS Proxy: worth its price once many run at once; never with mode = \"minimal\"."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_replica_enabled" {
  description = "Whether there is a replica of the database that can be read from; never with mode = \"minimal\". RDS does not rotate the owner's password then: see database_owner_password_version."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_owner_password_version" {
  description = "With a replica: raise it to have a new password of the owner made, in the database and in Secrets Manager."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.database_owner_password_version >= 1 && floor(var.database_owner_password_version) == var.database_owner_password_version
    error_message = "database_owner_password_version must be a whole number, 1 or more."
  }
}

variable "database_engine_version" {
  description = "Version of PostgreSQL: the major one alone, e.g. 17, so that RDS keeps the minor one new."
  type        = string
  default     = "17"
  nullable    = false

  validation {
    condition     = can(regex("^1[4-9](\\.[0-9]+)?$", var.database_engine_version))
    error_message = "database_engine_version must be PostgreSQL 14 or newer, e.g. 17: readings are kept in partitions that older ones do badly."
  }
}

variable "database_major_upgrade_enabled" {
  description = "Whether a newer major version in database_engine_version is taken. Set it for that one apply."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_apply_immediately_enabled" {
  description = "Whether changes that restart the database are made at once, and not in the maintenance window (Sunday 02:30 to 03:30 UTC)."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_storage_gb" {
  description = "Storage that the database begins with, in GB."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.database_storage_gb >= 20
    error_message = "database_storage_gb must be 20 or more, as RDS takes nothing less of this kind."
  }
}

variable "database_storage_limit_gb" {
  description = "Storage that RDS may let the database grow to by itself, in GB."
  type        = number
  default     = 500
  nullable    = false

  validation {
    condition     = var.database_storage_limit_gb >= var.database_storage_gb * 1.26
    error_message = "database_storage_limit_gb must be at least 26 % above database_storage_gb, as AWS advises, for the database to have room to grow: ${ceil(var.database_storage_gb * 1.26)} or more."
  }
}

variable "database_snapshot_identifier" {
  description = "Snapshot that a new stack's database is made from; null for an empty one. Never set it for a database that is there: it would be replaced. docs/how-to/restore.md says how that one is restored."
  type        = string
  default     = null
}

# Network

variable "vpc_cidr" {
  description = "Range of addresses of the network (CIDR, /16 to /20), which must not be in use where it is to be connected to."
  type        = string
  default     = "10.20.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 4, 15)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 20, false) && try(cidrhost(var.vpc_cidr, 0) == split("/", var.vpc_cidr)[0], false)
    error_message = "vpc_cidr must be a range of addresses between /16 and /20 that begins at its first address, e.g. 10.20.0.0/16."
  }
}

# FTP

variable "ftp_host" {
  description = "Host of the FTP server that gateways leave their files on, with its port where it is not the usual one."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9.-]+(:[0-9]{1,5})?$", var.ftp_host))
    error_message = "ftp_host must be a host name alone, e.g. ftp.smarterise.com: the protocol is ftp_protocol, user and folder have variables of their own."
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
  description = "Password of the FTP user. Give it as TF_VAR_ftp_pass: it goes to Secrets Manager and is in no state. It is written once, and again when ftp_pass_version is raised."
  type        = string
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = length(var.ftp_pass) > 0 && var.ftp_pass != "your-ftp-password"
    error_message = "ftp_pass must be the password of the FTP user, given as the environment variable TF_VAR_ftp_pass; \"your-ftp-password\" is the guide's example."
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

  # Here and not at ftp_pass: Terraform quotes the line of the value that it refuses.
  validation {
    condition = var.ftp_pass_version < 1 || alltrue([
      for file in setunion(fileset(path.root, "*.tfvars"), fileset(path.root, "environments/*.tfvars")) :
      !can(regex("(?m)^\\s*(ftp_pass|database_url)\\s*=", file("${path.root}/${file}")))
    ])
    error_message = "A password stands in a .tfvars file: take the lines ftp_pass and database_url out of it and set the environment variables TF_VAR_ftp_pass and TF_VAR_database_url instead. Then change the password, if the file was ever committed."
  }
}

variable "ftp_folder" {
  description = "Folder on the FTP server that the gateways' files are in."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = startswith(var.ftp_folder, "/") && !strcontains(var.ftp_folder, "?") && !strcontains(var.ftp_folder, "#")
    error_message = "ftp_folder must begin with / and have neither ? nor #, e.g. /meters."
  }
}

variable "ftp_protocol" {
  description = "ftp, or ftps for a server that speaks TLS; with ftp the password and the files cross the network in clear."
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
  description = "Bucket of the data lake: raw readings, and under s3_folder the files of the FTP server."
  type        = string
  default     = "smarterise-data-lake-raw"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.s3_bucket))
    error_message = "s3_bucket must be 3 to 63 small letters, digits, hyphens and dots, as S3 takes nothing else."
  }
}

variable "s3_folder" {
  description = "Prefix in s3_bucket that files of the FTP server are kept under; ftp-backups/ and no other."
  type        = string
  default     = "ftp-backups/"
  nullable    = false

  validation {
    condition     = var.s3_folder == "ftp-backups/"
    error_message = "s3_folder must be \"ftp-backups/\": ftp_to_s3 writes there, and s3_to_rds_lambda is told of new files there."
  }
}

variable "datalake_raw_athena_results_storage_bucket_name" {
  description = "Bucket of the results of Athena's queries, which are kept for 30 days."
  type        = string
  default     = "datalake-raw-athena-results1"
  nullable    = false
}

variable "iot_device_certificate_bucket_name" {
  description = "Bucket of the devices' certificates. Private keys are never in it."
  type        = string
  default     = "smarterise-accuenergy-mqtt-certificates1"
  nullable    = false
}

variable "rds_state_bucket_name" {
  description = "Bucket of the database's state: exports of its snapshots."
  type        = string
  default     = "smarterise-rds-state1"
  nullable    = false
}

variable "access_log_bucket_name" {
  description = "Bucket that tells who asked the other buckets for what, kept for 365 days."
  type        = string
  default     = "smarterise-access-logs1"
  nullable    = false
}

# Environment

variable "environment" {
  description = "Name of the environment, e.g. dev. Each has an account of its own, as functions and log groups bear the same names in all."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.environment))
    error_message = "environment must be 2 to 16 small letters, digits and hyphens, beginning with a letter, e.g. dev."
  }
}

variable "mode" {
  description = "full, or minimal for site switching, data and monitoring alone: no web application, no standby, proxy or replica of the database, no audit, no vault of backups."
  type        = string
  default     = "full"
  nullable    = false

  validation {
    condition     = contains(["full", "minimal"], var.mode)
    error_message = "mode must be full or minimal."
  }
}

variable "aws_region" {
  description = "Region that the stack is in, e.g. eu-west-1."
  type        = string
  default     = "eu-west-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.aws_region))
    error_message = "aws_region must be a region such as eu-west-1."
  }
}

variable "aws_account_ids" {
  description = "Accounts that this environment may be deployed to; null for whichever the credentials are of."
  type        = list(string)
  default     = null

  validation {
    condition     = alltrue([for id in coalesce(var.aws_account_ids, []) : can(regex("^[0-9]{12}$", id))])
    error_message = "aws_account_ids must be AWS account ids of 12 digits, in quotes."
  }
}

variable "destroy_with_data_enabled" {
  description = "Whether `terraform destroy` may take buckets with what is in them, images, backups, and the database without a last snapshot. For environments that may be lost."
  type        = bool
  default     = false
  nullable    = false
}

# Functions

variable "lambda_package_dir" {
  description = "Folder of the functions' zips; null for where `make lambdas` leaves them."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept: those in CloudWatch, and the web application's in its bucket."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of those that CloudWatch takes: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400 and more years."
  }
}

variable "collection_schedules" {
  description = "When files of each tier are collected by FTP, as cron(…) or rate(…) of EventBridge, in UTC."
  type        = object({ critical = string, non_critical = string })
  default     = { critical = "cron(0/15 * * * ? *)", non_critical = "cron(0 * * * ? *)" }
  nullable    = false
}

variable "stream_shard_count" {
  description = "Shards of the stream, each for 1,000 readings or 1 MB a second; null for a stream on demand, which grows by itself and has a price of its own."
  type        = number
  default     = null

  validation {
    condition     = coalesce(var.stream_shard_count, 1) >= 1 && floor(coalesce(var.stream_shard_count, 1)) == coalesce(var.stream_shard_count, 1)
    error_message = "stream_shard_count must be a whole number, 1 or more, or null for a stream on demand."
  }
}

variable "device_signing_requests" {
  description = "Certificate signing requests (PEM) by gateway serial; a gateway without one has no certificate yet."
  type        = map(string)
  default     = {}
  nullable    = false
}

# People

variable "alert_emails" {
  description = "E-mail addresses that alarms are told to. Each must confirm a letter of SNS once."
  type        = list(string)

  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for address in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "alert_emails must name one e-mail address at least, e.g. [\"oncall@powersmarter.net\"]: an alarm that nobody hears is none."
  }
}

# Web application

variable "dns_zone_name" {
  description = "Zone of Route53 that smarterise_domain_root is in; null for a zone of that very name."
  type        = string
  default     = null
}

variable "dns_zone_creation_enabled" {
  description = "Whether the zone is made here; otherwise it must be in Route53 already."
  type        = bool
  default     = false
  nullable    = false
}

variable "web_image_tag" {
  description = "Tag or digest of the web application's image in the stack's own repository."
  type        = string
  default     = "initial"
  nullable    = false

  validation {
    condition     = can(regex("^(sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$", var.web_image_tag)) && var.web_image_tag != "latest"
    error_message = "web_image_tag must be the tag or digest of one image, and not \"latest\": tags are never moved here, so a rollback finds what was there."
  }
}

variable "web_scaling" {
  description = "The fewest and the most tasks that the web application has at a time."
  type        = object({ fewest = number, most = number })
  default     = { fewest = 1, most = 2 }
  nullable    = false

  validation {
    condition     = var.web_scaling.fewest >= 1 && var.web_scaling.most >= var.web_scaling.fewest
    error_message = "web_scaling must have fewest of 1 or more, and most no less than fewest."
  }
}

variable "web_log_bucket_name" {
  description = "Bucket of the logs of load balancer, CloudFront and firewall; its name begins with aws-waf-logs-."
  type        = string
  default     = "aws-waf-logs-smarterise"
  nullable    = false

  validation {
    condition     = can(regex("^aws-waf-logs-[a-z0-9.-]{1,49}[a-z0-9]$", var.web_log_bucket_name))
    error_message = "web_log_bucket_name must begin with aws-waf-logs-, as AWS WAF writes nowhere else."
  }
}

# Security, backups, costs

variable "audit_enabled" {
  description = "Whether CloudTrail and AWS Config record what is done to the account; never with mode = \"minimal\". Set it to false where a landing zone does so already."
  type        = bool
  default     = true
  nullable    = false
}

variable "audit_bucket_name" {
  description = "Bucket of what CloudTrail and AWS Config record."
  type        = string
  default     = "smarterise-audit1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.audit_bucket_name))
    error_message = "audit_bucket_name must be 3 to 63 small letters, digits, hyphens and dots, as S3 takes nothing else."
  }
}

variable "audit_retention_days" {
  description = "Days that what CloudTrail and AWS Config record is kept."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.audit_retention_days >= 121 && floor(var.audit_retention_days) == var.audit_retention_days
    error_message = "audit_retention_days must be a whole number of 121 days or more: after 90 days the log goes to cheaper storage, where S3 bills 30 days at least."
  }
}

variable "backups_enabled" {
  description = "Whether database, site file and certificates are backed up in a vault and copied to a second region; never with mode = \"minimal\". The database's own backups of the last 14 days are there in any case."
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
    error_message = "backup_copy_region must be a region such as eu-central-1, and another than aws_region (${var.aws_region}): a copy there would be lost with it."
  }
}

variable "backup_daily_retention_days" {
  description = "Days that the backup of each day is kept, in both regions."
  type        = number
  default     = 35
  nullable    = false

  validation {
    condition     = var.backup_daily_retention_days >= 7 && floor(var.backup_daily_retention_days) == var.backup_daily_retention_days
    error_message = "backup_daily_retention_days must be a whole number of 7 days or more: the vaults are locked against keeping backups for less."
  }
}

variable "backup_monthly_retention_days" {
  description = "Days that the backup of the first day of each month is kept, in both regions."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.backup_monthly_retention_days >= var.backup_daily_retention_days && floor(var.backup_monthly_retention_days) == var.backup_monthly_retention_days
    error_message = "backup_monthly_retention_days must be a whole number of days, no less than backup_daily_retention_days (${var.backup_daily_retention_days})."
  }
}

variable "backup_lake_enabled" {
  description = "Whether the lake is backed up and copied too. What is in it grows with each reading, and so does the price."
  type        = bool
  default     = false
  nullable    = false
}

variable "backup_restore_test_enabled" {
  description = "Whether the newest backups of database and site file are restored each month, beside the stack, to see that they can be."
  type        = bool
  default     = true
  nullable    = false
}

variable "monthly_budget_usd" {
  description = "What the account may cost a month, in US dollars: told at 80 %, when it is reached, and when it is expected to be. docs/how-to/costs.md has what to expect."
  type        = number
  default     = 500
  nullable    = false

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be more than 0 US dollars."
  }
}

variable "cost_anomaly_limit_usd" {
  description = "What an unusual cost of one service must come to, in US dollars, to be told."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.cost_anomaly_limit_usd > 0
    error_message = "cost_anomaly_limit_usd must be more than 0 US dollars."
  }
}

variable "cost_anomaly_monitor_arn" {
  description = "ARN of the account's monitor of all services, where it has one already (newer accounts do); null to have one made."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:[a-z-]+:ce::[0-9]{12}:anomalymonitor/[0-9a-f-]+$", coalesce(var.cost_anomaly_monitor_arn, "arn:aws:ce::123456789012:anomalymonitor/0")))
    error_message = "cost_anomaly_monitor_arn must be the ARN of a monitor, as `aws ce get-anomaly-monitors` tells it, e.g. arn:aws:ce::123456789012:anomalymonitor/1a2b3c4d."
  }
}

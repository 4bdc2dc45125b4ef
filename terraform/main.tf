# The stack by subject. Modules do not refer to each other: outputs are passed as inputs here.

module "meta" {
  source = "./meta"

  environment = var.environment
  names = {
    site_config_bucket = var.site_config_bucket_name
    data_lake_bucket   = var.s3_bucket
  }
}

module "s3" {
  source = "./aws-s3"

  place                        = local.place
  names                        = module.meta.names
  kms_key_arn                  = module.meta.kms_key_arn
  ftp_folder                   = var.s3_folder
  lake_columns                 = module.meta.domain.lake_columns
  destroy_with_objects_enabled = var.destroy_with_data_enabled

  bucket_names = {
    athena_results      = var.datalake_raw_athena_results_storage_bucket_name
    device_certificates = var.iot_device_certificate_bucket_name
    rds_state           = var.rds_state_bucket_name
    access_logs         = var.access_log_bucket_name
  }
}

# Site switching

module "site_config" {
  source = "./aws-site-config"

  place              = local.place
  names              = module.meta.names
  function           = module.meta.domain.functions.site_config_manager
  tiers              = module.meta.domain.tiers
  kms_key_arn        = module.meta.kms_key_arn
  sites              = local.sites
  package_path       = "${local.package_dir}/${module.meta.names.site_config_manager}.zip"
  log_retention_days = var.log_retention_days
  access_log         = { bucket = module.s3.access_logs.name }

  destroy_with_objects_enabled = var.destroy_with_data_enabled
}

module "enhanced_eventbridge" {
  source = "./aws-enhanced-eventbridge"

  names = module.meta.names
  schedules = {
    CRITICAL     = var.collection_schedules.critical
    NON_CRITICAL = var.collection_schedules.non_critical
  }
  sweeper = {
    name = module.lambda.ftp_lambda_function_name
    arn  = module.lambda.ftp_lambda_arn
  }
}

# Data

module "kinesis" {
  source = "./aws-kinesis-data-stream"

  name        = module.meta.names.stream
  kms_key_arn = module.meta.kms_key_arn
  shard_count = var.stream_shard_count
}

module "iot" {
  source = "./aws-iot"

  place              = local.place
  names              = module.meta.names
  gateways           = toset(var.smart_device_names)
  signing_requests   = var.device_signing_requests
  stream             = { name = module.kinesis.name, arn = module.kinesis.arn }
  error_bucket       = module.s3.data_lake
  certificate_bucket = module.s3.device_certificates
  kms_key_arn        = module.meta.kms_key_arn
  log_retention_days = var.log_retention_days
}

module "lambda" {
  source = "./aws-lambda"

  place              = local.place
  names              = module.meta.names
  functions          = module.meta.domain.functions
  kms_key_arn        = module.meta.kms_key_arn
  package_dir        = local.package_dir
  log_retention_days = var.log_retention_days
  data_lake          = merge(module.s3.data_lake, { backups_enabled = local.is_lake_backed_up })
  ftp_folder         = var.s3_folder
  ftp_password       = var.ftp_pass
  database_url_value = var.database_url
  database_url       = { version = var.database_url_version }
  alert_topic_arn    = module.ses.alert_topic_arn
  alarm_news         = jsonencode(module.meta.domain.alarm_news)

  site_config = {
    bucket     = module.site_config.bucket_name
    bucket_arn = module.site_config.bucket_arn
    key        = module.site_config.key
  }

  stream = {
    name = module.kinesis.name
    arn  = module.kinesis.arn
  }

  ftp = {
    url              = "${var.ftp_protocol}://${var.ftp_host}${var.ftp_folder}"
    user             = var.ftp_user
    password_version = var.ftp_pass_version
  }

  database = module.rds.database

  network = {
    subnet_ids         = module.vpc.private_subnet_ids
    security_group_ids = [module.vpc.security_group_ids.functions]
  }

  mail = {
    sender        = module.ses.sender
    recipients    = var.alert_emails
    identity_arns = module.ses.sending_arns
  }
}

module "vpc" {
  source = "./aws-vpc"

  place              = local.place
  name               = "smarterise"
  cidr               = var.vpc_cidr
  availability_zones = [for letter in ["a", "b"] : "${var.aws_region}${letter}"]
  log_retention_days = var.log_retention_days
  kms_key_arn        = module.meta.kms_key_arn

  interface_endpoints = toset(concat(
    ["monitoring", "secretsmanager"],
    local.is_full ? ["ecr.api", "ecr.dkr", "logs", "lambda"] : [],
  ))

  # Functions and tasks use endpoints; only an external database needs a NAT gateway.
  nat                    = local.is_other_database ? "single" : "none"
  outside_database_ports = local.is_other_database ? [var.database_url_port] : []
}

module "rds" {
  source = "./aws-rds"

  place                     = local.place
  kms_key_arn               = module.meta.kms_key_arn
  username                  = var.rds_postgresql_username
  instance_class            = var.database_instance_class
  engine_version            = var.database_engine_version
  major_upgrade_enabled     = var.database_major_upgrade_enabled
  apply_immediately_enabled = var.database_apply_immediately_enabled
  storage_gb                = var.database_storage_gb
  storage_limit_gb          = var.database_storage_limit_gb
  snapshot_identifier       = var.database_snapshot_identifier
  owner_password_version    = var.database_owner_password_version
  multi_az_enabled          = local.is_full && var.database_standby_enabled
  proxy_enabled             = local.is_full && var.database_proxy_enabled
  replica_enabled           = local.is_full && var.database_replica_enabled
  destroy_with_data_enabled = var.destroy_with_data_enabled
  state_bucket              = module.s3.rds_state
  alert_topic_arn           = module.ses.alert_topic_arn
  log_retention_days        = var.log_retention_days

  network = {
    database_subnet_ids        = module.vpc.database_subnet_ids
    database_security_group_id = module.vpc.security_group_ids.database
    proxy_security_group_id    = module.vpc.security_group_ids.proxy
  }
}

# Monitoring

module "ses" {
  source = "./aws_ses"

  place       = local.place
  names       = module.meta.names
  domain      = var.smarterise_domain_root
  subscribers = toset(var.alert_emails)
  kms_key_arn = module.meta.kms_key_arn
}

module "enhanced_lambda" {
  source = "./aws-enhanced-lambda"

  names                = module.meta.names
  region               = local.place.region
  gateway_dimension    = module.meta.domain.gateway_dimension
  metrics              = module.meta.domain.metrics
  alarm_rules          = module.meta.domain.alarm_rules
  alarm_paces          = module.meta.domain.alarm_paces
  sites                = local.sites
  stream               = { name = module.kinesis.name, is_provisioned = var.stream_shard_count != null }
  topic_rule_name      = module.iot.topic_rule_name
  database_instance_id = module.rds.instance_id
  configuration_set    = module.ses.configuration_set
  alert_topic_arn      = module.ses.alert_topic_arn

  functions = merge(module.lambda.functions, {
    site_config_manager = { name = module.site_config.manager_name, timeout_seconds = module.site_config.manager_timeout_seconds }
  })

  queues = toset(concat(
    module.lambda.failure_queues,
    [
      module.site_config.manager_failure_queue,
      module.enhanced_eventbridge.dead_letter_queue,
      module.eventbridge.dead_letter_queue,
    ],
  ))
}

module "eventbridge" {
  source = "./aws-eventbridge"

  alert_topic_arn = module.ses.alert_topic_arn

  schedules = {
    database-upkeep = {
      description   = "Creates partitions in advance and runs pending maintenance"
      expression    = "cron(30 1 * * ? *)"
      function_name = module.lambda.functions.migrate_database.name
      function_arn  = module.lambda.functions.migrate_database.arn
      input         = { action = "maintain" }
    }
    alarm-letters-left = {
      description   = "Sends pending notifications of an invocation that failed"
      expression    = "rate(5 minutes)"
      function_name = module.lambda.functions.alarm_notifier.name
      function_arn  = module.lambda.functions.alarm_notifier.arn
      input         = { source = "schedule" }
    }
    site-config-nightly = {
      description   = "Reconciles the stack with the site file, in case an upload event was lost"
      expression    = "cron(15 2 * * ? *)"
      function_name = module.site_config.manager_name
      function_arn  = module.site_config.manager_arn
      input         = { action = "reconcile" }
    }
  }

  notices = {
    backup-failed = {
      description = "A backup or a copy of one failed"
      pattern = jsonencode({
        source        = ["aws.backup"]
        "detail-type" = ["Backup Job State Change", "Copy Job State Change"]
        detail        = { state = ["FAILED", "ABORTED", "EXPIRED"] }
      })
    }
    restore-failed = {
      description = "A restore failed, either the monthly test or a manual one"
      pattern = jsonencode({
        source        = ["aws.backup"]
        "detail-type" = ["Restore Job State Change"]
        detail        = { status = ["FAILED", "ABORTED"] }
      })
    }
    promise-broken = {
      description = "A resource violates a rule of AWS Config, e.g. encrypted, private, backed up"
      pattern = jsonencode({
        source        = ["aws.config"]
        "detail-type" = ["Config Rules Compliance Change"]
        detail        = { newEvaluationResult = { complianceType = ["NON_COMPLIANT"] } }
      })
    }
    audit-switched-off = {
      description = "Recording of the account by CloudTrail or AWS Config was stopped"
      pattern = jsonencode({
        source        = ["aws.cloudtrail", "aws.config"]
        "detail-type" = ["AWS API Call via CloudTrail"]
        detail        = { eventName = ["StopLogging", "DeleteTrail", "StopConfigurationRecorder", "DeleteConfigurationRecorder", "DeleteDeliveryChannel"] }
      })
    }
    aws-health = {
      description = "AWS reports a health issue that affects this account"
      pattern     = jsonencode({ source = ["aws.health"], detail = { eventTypeCategory = ["issue"] } })
    }
  }
}

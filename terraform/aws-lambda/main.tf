# The data functions: FTP server and stream to data lake and database, and alarm notifications.

locals {
  site_file = {
    SITE_CONFIG_BUCKET = var.site_config.bucket
    SITE_CONFIG_KEY    = var.site_config.key
  }

  lake = { DATA_LAKE_BUCKET = var.data_lake.name }

  metrics = { METRIC_NAMESPACE = var.names.metric_namespace }

  authorities = { DATABASE_CA_FILE = "/opt/rds/authorities.pem" }

  # Functions log in by IAM, without a password, except to an external database.
  login_of_functions = local.is_other_database ? { DATABASE_SECRET_ARN = aws_secretsmanager_secret.database_url[0].arn } : {
    DATABASE_HOST = var.database.host
    DATABASE_PORT = tostring(var.database.port)
    DATABASE_NAME = var.database.name
    DATABASE_USER = var.database.function_user
  }

  login_of_owner = local.is_other_database ? { DATABASE_SECRET_ARN = aws_secretsmanager_secret.database_url[0].arn } : {
    DATABASE_SECRET_ARN    = var.database.master_secret_arn
    DATABASE_HOST          = var.database.direct_host
    DATABASE_PORT          = tostring(var.database.port)
    DATABASE_NAME          = var.database.name
    DATABASE_FUNCTION_USER = var.database.function_user
  }

  is_other_database = var.database_url.version > 0
  authorities_zip   = "${var.package_dir}/database-authorities.zip"

  migration_zip      = "${var.package_dir}/${var.names.migrate_database}.zip"
  migration_is_there = fileexists(local.migration_zip)
}

# Layer with the certificate authorities of RDS and RDS Proxy.
resource "aws_lambda_layer_version" "authorities" {
  layer_name       = "database-authorities"
  description      = "rds/authorities.pem: certificate authorities of RDS and RDS Proxy"
  filename         = local.authorities_zip
  source_code_hash = fileexists(local.authorities_zip) ? filebase64sha256(local.authorities_zip) : null

  lifecycle {
    precondition {
      condition     = fileexists(local.authorities_zip)
      error_message = "${local.authorities_zip} does not exist: run `make authorities` first, or set lambda_package_dir to the folder of the zips."
    }
  }
}

module "ftp_to_s3" {
  source = "./function"

  name               = var.names.ftp_to_s3
  description        = "Transfers the files of a tier's sites from the FTP server to the data lake"
  handler            = var.functions.ftp_to_s3.handler
  package_path       = "${var.package_dir}/${var.names.ftp_to_s3}.zip"
  timeout_seconds    = var.functions.ftp_to_s3.timeout_seconds
  memory_mb          = coalesce(var.memory_mb.ftp_to_s3, var.functions.ftp_to_s3.memory_mb)
  policy_json        = data.aws_iam_policy_document.ftp_to_s3.json
  log_retention_days = var.log_retention_days
  kms_key_arn        = var.kms_key_arn
  retries            = 0 # the next sweep is the retry

  environment = merge(local.site_file, local.lake, {
    FTP_URL        = var.ftp.url
    FTP_SECRET_ARN = aws_secretsmanager_secret.ftp.arn
  })
}

module "s3_to_rds" {
  source = "./function"

  name                 = var.names.s3_to_rds
  description          = "Loads files of the data lake into the database"
  handler              = var.functions.s3_to_rds.handler
  package_path         = "${var.package_dir}/${var.names.s3_to_rds}.zip"
  timeout_seconds      = var.functions.s3_to_rds.timeout_seconds
  memory_mb            = coalesce(var.memory_mb.s3_to_rds, var.functions.s3_to_rds.memory_mb)
  policy_json          = data.aws_iam_policy_document.s3_to_rds.json
  log_retention_days   = var.log_retention_days
  kms_key_arn          = var.kms_key_arn
  network              = var.network
  layers               = [aws_lambda_layer_version.authorities.arn]
  reserved_concurrency = var.database_concurrency

  after = aws_lambda_invocation.migration.id

  environment = merge(local.site_file, local.lake, local.metrics, local.authorities, local.login_of_functions)
}

module "kinesis_to_s3_rds" {
  source = "./function"

  name                  = var.names.kinesis_to_s3_rds
  description           = "Loads readings of streaming sites into data lake, database and metrics"
  handler               = var.functions.kinesis_to_s3_rds.handler
  package_path          = "${var.package_dir}/${var.names.kinesis_to_s3_rds}.zip"
  timeout_seconds       = var.functions.kinesis_to_s3_rds.timeout_seconds
  memory_mb             = coalesce(var.memory_mb.kinesis_to_s3_rds, var.functions.kinesis_to_s3_rds.memory_mb)
  policy_json           = data.aws_iam_policy_document.kinesis_to_s3_rds.json
  log_retention_days    = var.log_retention_days
  kms_key_arn           = var.kms_key_arn
  network               = var.network
  layers                = [aws_lambda_layer_version.authorities.arn]
  reserved_concurrency  = var.database_concurrency
  failure_queue_enabled = false # the mapping's failure destination is the data lake

  after = aws_lambda_invocation.migration.id

  environment = merge(local.site_file, local.lake, local.metrics, local.authorities, local.login_of_functions)
}

module "alarm_notifier" {
  source = "./function"

  name               = var.names.alarm_notifier
  description        = "Sends alarm e-mails, batched during alarm storms"
  handler            = var.functions.alarm_notifier.handler
  package_path       = "${var.package_dir}/${var.names.alarm_notifier}.zip"
  timeout_seconds    = var.functions.alarm_notifier.timeout_seconds
  memory_mb          = coalesce(var.memory_mb.alarm_notifier, var.functions.alarm_notifier.memory_mb)
  policy_json        = data.aws_iam_policy_document.alarm_notifier.json
  log_retention_days = var.log_retention_days
  kms_key_arn        = var.kms_key_arn

  environment = merge(local.site_file, local.lake, local.metrics, {
    ALARM_PREFIX     = var.names.alarm_prefix
    ALERT_SENDER     = var.mail.sender
    ALERT_RECIPIENTS = join(",", var.mail.recipients)
  })
}

module "ingest_manager" {
  source = "./function"

  name                  = var.names.ingest_manager
  description           = "Serves operators' queries about files, rows and the quarantine"
  handler               = var.functions.ingest_manager.handler
  package_path          = "${var.package_dir}/${var.names.ingest_manager}.zip"
  timeout_seconds       = var.functions.ingest_manager.timeout_seconds
  memory_mb             = coalesce(var.memory_mb.ingest_manager, var.functions.ingest_manager.memory_mb)
  policy_json           = data.aws_iam_policy_document.ingest_manager.json
  log_retention_days    = var.log_retention_days
  kms_key_arn           = var.kms_key_arn
  network               = var.network
  layers                = [aws_lambda_layer_version.authorities.arn]
  reserved_concurrency  = 5     # leaves database connections to the loading functions
  failure_queue_enabled = false # invoked synchronously

  after = aws_lambda_invocation.migration.id

  environment = merge(local.lake, local.authorities, local.login_of_functions)
}

module "migrate_database" {
  source = "./function"

  name                 = var.names.migrate_database
  description          = "Runs schema migrations on deployment and maintenance on schedule"
  handler              = var.functions.migrate_database.handler
  package_path         = "${var.package_dir}/${var.names.migrate_database}.zip"
  timeout_seconds      = var.functions.migrate_database.timeout_seconds
  memory_mb            = coalesce(var.memory_mb.migrate_database, var.functions.migrate_database.memory_mb)
  policy_json          = data.aws_iam_policy_document.migrate_database.json
  log_retention_days   = var.log_retention_days
  kms_key_arn          = var.kms_key_arn
  network              = var.network
  layers               = [aws_lambda_layer_version.authorities.arn]
  reserved_concurrency = 1

  environment = merge(local.metrics, local.authorities, local.login_of_owner)
}

# Each deployment runs the migrations before it updates the loading functions, which reject an earlier schema.
# A failure stops the deployment. See docs/decisions/0076-schema-migrations-sql-steps-run-by-the-deployment.md
resource "aws_lambda_invocation" "migration" {
  function_name = module.migrate_database.name
  input         = jsonencode({ action = "migrate" })

  triggers = {
    code     = local.migration_is_there ? filebase64sha256(local.migration_zip) : ""
    database = local.is_other_database ? "database_url ${var.database_url.version}" : coalesce(var.database.instance_resource_id, var.database.direct_host)
  }
}

# Passwords are not set here: export TF_VAR_ftp_pass.

environment = "prod"
mode        = "full"
aws_region  = "eu-west-1"

smart_device_names = ["ehm21120333", "AN54101471"]

site_details = {
  ehm21120333 = { name = "Ehm feeder", timezone = "Africa/Lagos" }
  AN54101471  = { name = "AN logger", timezone = "Africa/Lagos" }
}

site_config_bucket_name = "smarterise-site-config-prod"
smarterise_domain_root  = "powersmarter.net"
rds_postgresql_username = "dbadmin"

database_instance_class  = "db.m7g.large"
database_standby_enabled = true
database_proxy_enabled   = true
database_replica_enabled = true

ftp_host     = "ftp.smarterise.com"
ftp_user     = "smarterise-prod"
ftp_folder   = "/"
ftp_protocol = "ftps"

s3_bucket                                       = "smarterise-data-lake-raw-prod"
s3_folder                                       = "ftp-backups/"
datalake_raw_athena_results_storage_bucket_name = "datalake-raw-athena-results1-prod"
iot_device_certificate_bucket_name              = "smarterise-accuenergy-mqtt-certificates1-prod"
rds_state_bucket_name                           = "smarterise-rds-state1-prod"
access_log_bucket_name                          = "smarterise-access-logs1-prod"
web_log_bucket_name                             = "aws-waf-logs-smarterise-prod"
audit_bucket_name                               = "smarterise-audit1-prod"

alert_emails              = ["oncall@powersmarter.net"]
log_retention_days        = 365
stream_shard_count        = null
destroy_with_data_enabled = false

web_scaling = { fewest = 2, most = 8 }

backup_copy_region  = "eu-central-1"
backup_lake_enabled = false # the readings are in the database too, whose backups are copied
monthly_budget_usd  = 900

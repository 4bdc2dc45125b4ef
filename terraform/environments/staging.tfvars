# Passwords are not set here: export TF_VAR_ftp_pass.

environment = "staging"
mode        = "full"
aws_region  = "eu-west-1"

smart_device_names = ["ehm21120333", "AN54101471"]

site_details = {
  ehm21120333 = { name = "Ehm feeder", timezone = "Africa/Lagos" }
  AN54101471  = { name = "AN logger", timezone = "Africa/Lagos" }
}

site_config_bucket_name = "smarterise-site-config-staging"
smarterise_domain_root  = "staging.demo.powersmarter.net"
rds_postgresql_username = "dbadmin"

database_instance_class  = "db.t4g.medium"
database_standby_enabled = false
database_proxy_enabled   = true
database_replica_enabled = false

ftp_host     = "ftp.smarterise.com"
ftp_user     = "smarterise-staging"
ftp_folder   = "/"
ftp_protocol = "ftp"

s3_bucket                                       = "smarterise-data-lake-raw-staging"
s3_folder                                       = "ftp-backups/"
datalake_raw_athena_results_storage_bucket_name = "datalake-raw-athena-results1-staging"
iot_device_certificate_bucket_name              = "smarterise-accuenergy-mqtt-certificates1-staging"
rds_state_bucket_name                           = "smarterise-rds-state1-staging"
access_log_bucket_name                          = "smarterise-access-logs1-staging"
web_log_bucket_name                             = "aws-waf-logs-smarterise-staging"
audit_bucket_name                               = "smarterise-audit1-staging"

alert_emails              = ["oncall-staging@powersmarter.net"]
log_retention_days        = 30
stream_shard_count        = 1
destroy_with_data_enabled = false

backup_copy_region  = "eu-central-1"
backup_lake_enabled = false
monthly_budget_usd  = 350

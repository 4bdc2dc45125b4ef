# The guide's names. Passwords are not set here: export TF_VAR_ftp_pass.

environment = "dev"
mode        = "full"
aws_region  = "eu-west-1"

smart_device_names = ["ehm21120333", "AN54101471"]

site_details = {
  ehm21120333 = { name = "Ehm feeder", timezone = "Africa/Lagos" }
  AN54101471  = { name = "AN logger", timezone = "Africa/Lagos" }
}

site_config_bucket_name = "smarterise-site-config"
smarterise_domain_root  = "dev.demo.powersmarter.net"
rds_postgresql_username = "dbadmin"

database_instance_class  = "db.t4g.small"
database_standby_enabled = false
database_proxy_enabled   = false
database_replica_enabled = false

ftp_host     = "ftp.smarterise.com"
ftp_user     = "smarterise-dev"
ftp_folder   = "/"
ftp_protocol = "ftp"

s3_bucket                                       = "smarterise-data-lake-raw"
s3_folder                                       = "ftp-backups/"
datalake_raw_athena_results_storage_bucket_name = "datalake-raw-athena-results1"
iot_device_certificate_bucket_name              = "smarterise-accuenergy-mqtt-certificates1"
rds_state_bucket_name                           = "smarterise-rds-state1"
access_log_bucket_name                          = "smarterise-access-logs1"
web_log_bucket_name                             = "aws-waf-logs-smarterise"
audit_bucket_name                               = "smarterise-audit1"

alert_emails              = ["oncall-dev@powersmarter.net"]
log_retention_days        = 14
stream_shard_count        = 1
destroy_with_data_enabled = true

backups_enabled    = false
monthly_budget_usd = 300

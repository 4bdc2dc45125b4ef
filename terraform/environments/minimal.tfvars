# Passwords are not set here: export TF_VAR_ftp_pass.

environment = "minimal"
mode        = "minimal"
aws_region  = "eu-west-1"

smart_device_names = ["ehm21120333", "AN54101471"]

site_details = {
  ehm21120333 = { name = "Ehm feeder", timezone = "Africa/Lagos" }
  AN54101471  = { name = "AN logger", timezone = "Africa/Lagos" }
}

site_config_bucket_name = "smarterise-site-config-minimal"
smarterise_domain_root  = "minimal.demo.powersmarter.net"
rds_postgresql_username = "dbadmin"

database_instance_class  = "db.t4g.micro"
database_standby_enabled = false
database_proxy_enabled   = false
database_replica_enabled = false

ftp_host     = "ftp.smarterise.com"
ftp_user     = "smarterise-minimal"
ftp_folder   = "/"
ftp_protocol = "ftp"

s3_bucket                                       = "smarterise-data-lake-raw-minimal"
s3_folder                                       = "ftp-backups/"
datalake_raw_athena_results_storage_bucket_name = "datalake-raw-athena-results1-minimal"
iot_device_certificate_bucket_name              = "smarterise-accuenergy-mqtt-certificates1-minimal"
rds_state_bucket_name                           = "smarterise-rds-state1-minimal"
access_log_bucket_name                          = "smarterise-access-logs1-minimal"
web_log_bucket_name                             = "aws-waf-logs-smarterise-minimal"
audit_bucket_name                               = "smarterise-audit1-minimal"

alert_emails              = ["oncall-minimal@powersmarter.net"]
log_retention_days        = 7
stream_shard_count        = 1
destroy_with_data_enabled = true

monthly_budget_usd = 130

# Backups of data that cannot be recreated, copied to a second region. How to restore: docs/how-to/restore.md

module "backups" {
  count  = local.is_full && var.backups_enabled ? 1 : 0
  source = "./meta/backups"

  place                        = local.place
  kms_key_arn                  = module.meta.kms_key_arn
  copy_region                  = var.backup_copy_region
  daily_retention_days         = var.backup_daily_retention_days
  monthly_retention_days       = var.backup_monthly_retention_days
  restore_test_enabled         = var.backup_restore_test_enabled
  restore_test_bucket          = "site_config"
  destroy_with_backups_enabled = var.destroy_with_data_enabled

  database = {
    instance_arn      = module.rds.instance_arn
    subnet_group_name = module.rds.subnet_group_name
    security_group_id = module.vpc.security_group_ids.database
  }

  bucket_arns = merge(
    {
      site_config         = module.site_config.bucket_arn
      device_certificates = module.s3.device_certificates.arn
    },
    var.backup_lake_enabled ? { data_lake = module.s3.data_lake.arn } : {},
  )
}

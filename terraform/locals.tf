locals {
  is_full = var.mode == "full"

  web_repository    = "smarterise/api_service"
  is_other_database = var.database_url_version > 0
  is_lake_backed_up = local.is_full && var.backups_enabled && var.backup_lake_enabled

  place = {
    account_id = module.meta.account_id
    region     = module.meta.region
    partition  = module.meta.partition
  }

  # A site without details gets the defaults of the modules.
  sites = { for serial in var.smart_device_names : serial => try(var.site_details[serial], {}) }

  package_dir = coalesce(var.lambda_package_dir, abspath("${path.root}/../build/lambdas"))
}

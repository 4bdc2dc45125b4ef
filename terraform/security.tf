# Account-wide security recommendations of the guide: an audit trail, and rules that check the stack's configuration.
# Flow logs are in aws-vpc, secrets in aws-lambda and aws-rds, bucket policies in aws-s3/bucket.

module "audit" {
  count  = local.is_full && var.audit_enabled ? 1 : 0
  source = "./meta/audit"

  place                     = local.place
  kms_key_arn               = module.meta.kms_key_arn
  bucket_name               = var.audit_bucket_name
  access_log                = { bucket = module.s3.access_logs.name }
  bucket_arns_of_changes    = [module.site_config.bucket_arn]
  bucket_arns_of_reads      = [module.s3.device_certificates.arn]
  retention_days            = var.audit_retention_days
  destroy_with_logs_enabled = var.destroy_with_data_enabled
}

# In addition to the setting of each bucket: the account contains no public bucket.
resource "aws_s3_account_public_access_block" "this" {
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# The guide's recommendations on security that are not a property of one module: who did what, and whether the stack is
# still what it promises. Flow logs are in aws-vpc, secrets in aws-lambda and aws-rds, bucket policies in aws-s3/bucket.

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

# Besides each bucket's own: an account is one environment, and none of its buckets is for the public.
resource "aws_s3_account_public_access_block" "this" {
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# The web application, from its name to its database. Without it (mode = "minimal") only the records of mail are made.

module "route53" {
  source = "./aws-route53"

  domain                = var.smarterise_domain_root
  zone_name             = var.dns_zone_name
  zone_creation_enabled = var.dns_zone_creation_enabled

  certificate_regions = local.is_full ? { cloudfront = "us-east-1", load_balancer = var.aws_region } : {}

  aliases = local.is_full ? {
    web = {
      name           = var.smarterise_domain_root
      target_name    = module.web_app[0].distribution.domain_name
      target_zone_id = module.web_app[0].distribution.zone_id
    }
  } : {}

  mail = {
    domain           = var.smarterise_domain_root
    region           = local.place.region
    dkim_tokens      = module.ses.dkim_tokens
    mail_from_domain = module.ses.mail_from_domain
  }
}

module "web_app" {
  count  = local.is_full ? 1 : 0
  source = "./web-app"

  place                     = local.place
  domain                    = var.smarterise_domain_root
  log_bucket_name           = var.web_log_bucket_name
  access_log                = { bucket = module.s3.access_logs.name }
  log_retention_days        = var.log_retention_days
  alert_topic_arn           = module.ses.alert_topic_arn
  destroy_with_logs_enabled = var.destroy_with_data_enabled

  certificate_arns = {
    cloudfront    = module.route53.certificate_arns["cloudfront"]
    load_balancer = module.route53.certificate_arns["load_balancer"]
  }

  network = {
    vpc_id            = module.vpc.vpc_id
    subnet_ids        = module.vpc.private_subnet_ids
    security_group_id = module.vpc.security_group_ids.load_balancer
  }
}

module "ecr" {
  count  = local.is_full ? 1 : 0
  source = "./aws-ecr"

  kms_key_arn                 = module.meta.kms_key_arn
  alert_topic_arn             = module.ses.alert_topic_arn
  repositories                = { (local.web_repository) = {} }
  destroy_with_images_enabled = var.destroy_with_data_enabled
}

module "ecs" {
  count  = local.is_full ? 1 : 0
  source = "./aws-ecs"

  place               = local.place
  log_group_name      = module.meta.names.api_log_group
  log_retention_days  = var.log_retention_days
  kms_key_arn         = module.meta.kms_key_arn
  repository_arn      = module.ecr[0].repository_arns[local.web_repository]
  target_group_arn    = module.web_app[0].target_group_arn
  request_count_label = module.web_app[0].request_count_label
  alert_topic_arn     = module.ses.alert_topic_arn
  scaling             = var.web_scaling
  task_policies       = { stack = data.aws_iam_policy_document.web.json }

  image = {
    repository_url = module.ecr[0].repository_urls[local.web_repository]
    tag            = var.web_image_tag
  }

  environment = {
    SITE_CONFIG_MANAGER = module.site_config.manager_name
    METRIC_NAMESPACE    = module.meta.names.metric_namespace
    DATABASE_HOST       = module.rds.database.host
    DATABASE_PORT       = tostring(module.rds.database.port)
    DATABASE_NAME       = module.rds.database.name
    DATABASE_USER       = module.rds.database.function_user
  }

  network = {
    subnet_ids        = module.vpc.private_subnet_ids
    security_group_id = module.vpc.security_group_ids.application
  }
}

# What the application may: ask the manager for sites, look at metrics and alarms, log in to the database.
data "aws_iam_policy_document" "web" {
  #checkov:skip=CKV_AWS_356:PutMetricData and GetMetricData support no resources, see below
  statement {
    sid       = "ReadSites"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.site_config.manager_arn]
  }

  statement {
    sid       = "ConnectToDatabase"
    actions   = ["rds-db:connect"]
    resources = ["${module.rds.login_arn}/${module.rds.database.function_user}"]
  }

  statement {
    sid       = "ReadMetricsAndAlarms"
    actions   = ["cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms"]
    resources = ["*"] # metrics are no resources, and the listing of alarms cannot be held to names
  }
}

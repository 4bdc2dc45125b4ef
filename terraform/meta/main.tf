# Account and region, names of the resources, and the KMS key of the stack.

data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

data "aws_partition" "this" {}

locals {
  domain = jsondecode(file("${path.module}/domain.json"))
  names  = merge(local.domain.names, var.names)

  account_id = data.aws_caller_identity.this.account_id
  region     = data.aws_region.this.region
  partition  = data.aws_partition.this.partition

  functions = { for key in keys(local.domain.functions) : key => local.names[key] }
}

# The bucket of the Terraform state, created manually once per account before the stack.

terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.47"
    }
  }
}

provider "aws" {
  region = var.aws_region

  default_tags {
    tags = {
      Project     = "smarterise"
      Environment = var.environment
      ManagedBy   = "terraform"
      Repository  = "smarterise-ops"
    }
  }
}

resource "aws_kms_key" "state" {
  #checkov:skip=CKV2_AWS_64:The default key policy is intended: access is controlled by IAM
  description             = "Encrypts the Terraform state of ${var.environment}"
  deletion_window_in_days = 30
  enable_key_rotation     = true

  lifecycle {
    prevent_destroy = true
  }
}

module "state" {
  source = "../aws-s3/bucket"

  name            = var.state_bucket_name
  kms_key_arn     = aws_kms_key.state.arn
  noncurrent_days = 365
}

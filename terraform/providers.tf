provider "aws" {
  region              = var.aws_region
  allowed_account_ids = var.aws_account_ids

  default_tags {
    tags = {
      Project     = "smarterise"
      Environment = var.environment
      ManagedBy   = "terraform"
      Repository  = "smarterise-ops"
    }
  }
}

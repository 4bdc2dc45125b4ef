terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.47"
    }

    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # Bucket, key and region: environments/<environment>.s3.tfbackend. The bucket is created by bootstrap/.
  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}

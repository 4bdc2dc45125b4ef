# Image repositories: encrypted, scanned for vulnerabilities, with immutable tags.

resource "aws_ecr_repository" "this" {
  for_each = var.repositories

  name                 = each.key
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.destroy_with_images_enabled

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Untagged images"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = var.untagged_days }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "Images above the retention count"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.repositories[each.key].kept_images }
        action       = { type = "expire" }
      },
    ]
  })
}

# Reads and writes are granted by role policies; this policy denies requests without TLS.
resource "aws_ecr_repository_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name
  policy     = data.aws_iam_policy_document.this.json
}

data "aws_iam_policy_document" "this" {
  statement {
    sid     = "DenyWithoutTls"
    effect  = "Deny"
    actions = ["ecr:*"] # deny statement, covers all actions

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

# Scan findings are sent to the alert topic.
resource "aws_cloudwatch_event_rule" "findings" {
  name        = var.findings_rule_name
  description = "Images with critical or high scan findings"

  event_pattern = jsonencode({
    source        = ["aws.ecr"]
    "detail-type" = ["ECR Image Scan"]
    detail = {
      "repository-name" = keys(var.repositories)
      "$or" = [
        { "finding-severity-counts" = { CRITICAL = [{ exists = true }] } },
        { "finding-severity-counts" = { HIGH = [{ exists = true }] } },
      ]
    }
  })
}

resource "aws_cloudwatch_event_target" "findings" {
  rule = aws_cloudwatch_event_rule.findings.name
  arn  = var.alert_topic_arn

  input_transformer {
    input_paths = {
      repository = "$.detail.repository-name"
      digest     = "$.detail.image-digest"
      account    = "$.account"
      region     = "$.region"
    }
    input_template = "\"Critical or high vulnerabilities in the image <repository>@<digest> (account <account>, <region>): check the scan in ECR and deploy a rebuilt image.\""
  }
}

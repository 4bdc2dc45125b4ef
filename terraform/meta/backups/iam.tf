# AWS managed policies for backup and restore, which AWS updates. Access to other buckets
# is denied.

resource "aws_iam_role" "this" {
  name               = "${var.name}-backup-role"
  description        = "Permissions of AWS Backup for backups and restores"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["backup.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = toset([
    "service-role/AWSBackupServiceRolePolicyForBackup",
    "service-role/AWSBackupServiceRolePolicyForRestores",
    "AWSBackupServiceRolePolicyForS3Backup",
    "AWSBackupServiceRolePolicyForS3Restore",
  ])

  role       = aws_iam_role.this.name
  policy_arn = "arn:${var.place.partition}:iam::aws:policy/${each.key}"
}

resource "aws_iam_role_policy" "this" {
  name   = "${var.name}-backup-policy"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.this.json
}

data "aws_iam_policy_document" "this" {
  statement {
    sid    = "DenyOtherBuckets"
    effect = "Deny"
    actions = [
      "s3:DeleteObject",
      "s3:GetObject",
      "s3:GetObjectVersion",
      "s3:PutObject",
    ]

    not_resources = concat(
      [for arn in values(var.bucket_arns) : "${arn}/*"],
      ["arn:${var.place.partition}:s3:::awsbackup-restore-test-*/*", "arn:${var.place.partition}:s3:::${var.name}-restored-*/*"],
    )
  }
}

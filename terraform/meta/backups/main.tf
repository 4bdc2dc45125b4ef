# AWS Backup plans, with vaults in two regions. See docs/decisions/0084-audit-and-backups-what-is-recorded-and-copied.md

resource "aws_backup_vault" "this" {
  name          = var.name
  kms_key_arn   = var.kms_key_arn
  force_destroy = var.destroy_with_backups_enabled
}

# Copies must be readable without the first region, so they have a key of their own.
resource "aws_kms_key" "copies" {
  #checkov:skip=CKV2_AWS_64:The default key policy is intended: access is controlled by IAM
  region                  = var.copy_region
  description             = "Encrypts copies of the backups of ${var.name}"
  deletion_window_in_days = 30
  enable_key_rotation     = true
}

resource "aws_backup_vault" "copies" {
  region        = var.copy_region
  name          = "${var.name}-copies"
  kms_key_arn   = aws_kms_key.copies.arn
  force_destroy = var.destroy_with_backups_enabled
}

# Governance mode prevents early deletion by mistake or with ordinary permissions. Compliance mode
# could never be removed, not even by AWS.
resource "aws_backup_vault_lock_configuration" "this" {
  count = var.destroy_with_backups_enabled ? 0 : 1

  backup_vault_name  = aws_backup_vault.this.name
  min_retention_days = local.shortest_days
}

resource "aws_backup_vault_lock_configuration" "copies" {
  count = var.destroy_with_backups_enabled ? 0 : 1

  region             = var.copy_region
  backup_vault_name  = aws_backup_vault.copies.name
  min_retention_days = local.shortest_days
}

locals {
  shortest_days = 7

  # In UTC. RDS rejects backups during its own backup and maintenance windows and in the hour before.
  rules = {
    daily   = { schedule = "cron(0 5 * * ? *)", days = var.daily_retention_days }
    monthly = { schedule = "cron(0 7 1 * ? *)", days = var.monthly_retention_days }
  }
}

# No continuous backup: RDS has point-in-time recovery, and both would manage the same setting.
resource "aws_backup_plan" "this" {
  name = var.name

  dynamic "rule" {
    for_each = local.rules

    content {
      rule_name         = rule.key
      target_vault_name = aws_backup_vault.this.name
      schedule          = rule.value.schedule
      start_window      = 60
      completion_window = 720

      lifecycle {
        delete_after = rule.value.days
      }

      copy_action {
        destination_vault_arn = aws_backup_vault.copies.arn

        lifecycle {
          delete_after = rule.value.days
        }
      }
    }
  }
}

resource "aws_backup_selection" "this" {
  name         = var.name
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.this.arn
  resources    = concat([var.database.instance_arn], values(var.bucket_arns))

  # The role needs its policies before the first backup.
  depends_on = [aws_iam_role_policy_attachment.this, aws_iam_role_policy.this]
}

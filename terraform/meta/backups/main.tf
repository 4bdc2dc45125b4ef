# Backups beyond what a service keeps of itself: in a vault of their own, and in a second region.

resource "aws_backup_vault" "this" {
  name          = var.name
  kms_key_arn   = var.kms_key_arn
  force_destroy = var.destroy_with_backups_enabled
}

# A copy has to be readable without the first region, its keys included.
resource "aws_kms_key" "copies" {
  #checkov:skip=CKV2_AWS_64:The account's own default policy is wanted: IAM decides, as for every role of AWS Backup
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

# Governance mode: nobody deletes a backup early by mistake or with a stolen password of usual rights. Compliance mode
# could not be left again, not even by AWS.
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

  # In UTC. RDS lets nobody back up while it does so itself or is being maintained, nor in the hour before.
  rules = {
    daily   = { schedule = "cron(0 5 * * ? *)", days = var.daily_retention_days }
    monthly = { schedule = "cron(0 7 1 * ? *)", days = var.monthly_retention_days }
  }
}

# No continuous backup: RDS restores to any second by itself, and would have two masters.
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

  # Whoever backs up must be let before the first backup is due.
  depends_on = [aws_iam_role_policy_attachment.this, aws_iam_role_policy.this]
}

output "vault_name" {
  description = "Name of the backup vault."
  value       = aws_backup_vault.this.name
}

output "copy_vault" {
  description = "Name, ARN and region of the vault of the copies."
  value = {
    name   = aws_backup_vault.copies.name
    arn    = aws_backup_vault.copies.arn
    region = var.copy_region
  }
}

output "role_arn" {
  description = "Role for backups, copies and restores."
  value       = aws_iam_role.this.arn
}

output "restore_test_plan" {
  description = "Restore testing plan; null without it."
  value       = one(aws_backup_restore_testing_plan.this[*].name)
}

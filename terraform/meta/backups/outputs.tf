output "vault_name" {
  description = "Vault of the backups."
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
  description = "Role that backups, copies and restores are started with."
  value       = aws_iam_role.this.arn
}

output "restore_test_plan" {
  description = "Plan by which backups are restored to see that they can be; null without it."
  value       = one(aws_backup_restore_testing_plan.this[*].name)
}

# Passwords are written by write-only arguments: they are in no state and no plan.
# See docs/decisions/0082-passwords-are-in-no-terraform-state-plan-or-file.md

resource "aws_secretsmanager_secret" "ftp" {
  #checkov:skip=CKV2_AWS_57:The FTP server's operator changes the password; ftp_pass_version writes the new one
  name                    = var.names.ftp_secret
  description             = "User and password of the FTP server"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "ftp" {
  secret_id                = aws_secretsmanager_secret.ftp.id
  secret_string_wo         = jsonencode({ username = var.ftp.user, password = var.ftp_password })
  secret_string_wo_version = var.ftp.password_version
}

resource "aws_secretsmanager_secret" "database_url" {
  count = local.is_other_database ? 1 : 0

  #checkov:skip=CKV2_AWS_57:The database's operator changes the password; database_url_version writes the new one
  name                    = "smarterise/database-url"
  description             = "URL of the external database"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "database_url" {
  count = local.is_other_database ? 1 : 0

  secret_id                = aws_secretsmanager_secret.database_url[0].id
  secret_string_wo         = var.database_url_value
  secret_string_wo_version = var.database_url.version
}

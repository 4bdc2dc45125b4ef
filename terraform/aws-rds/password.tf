# The owner's password. RDS creates and rotates it, which AWS does not support with a replica.
# Then it is created here with write-only arguments, in no state; owner_password_version creates a new one.

ephemeral "random_password" "owner" {
  count = var.replica_enabled ? 1 : 0

  length  = 40
  special = false
}

resource "aws_secretsmanager_secret" "owner" {
  count = var.replica_enabled ? 1 : 0

  #checkov:skip=CKV2_AWS_57:owner_password_version creates a new one, in database and secret together
  name                    = "smarterise/${var.name}"
  description             = "User and password of the owner of the database"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "owner" {
  count = var.replica_enabled ? 1 : 0

  secret_id                = aws_secretsmanager_secret.owner[0].id
  secret_string_wo         = jsonencode({ username = var.username, password = ephemeral.random_password.owner[0].result })
  secret_string_wo_version = var.owner_password_version
}

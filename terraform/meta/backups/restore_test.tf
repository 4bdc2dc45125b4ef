# Monthly restore test of the latest backups, deleted afterwards. Results are in AWS Backup;
# an EventBridge rule sends failures to the alert topic.

resource "aws_backup_restore_testing_plan" "this" {
  count = var.restore_test_enabled ? 1 : 0

  name                         = "${replace(var.name, "-", "_")}_restore_test"
  schedule_expression          = "cron(0 9 2 * ? *)"
  schedule_expression_timezone = "UTC"
  start_window_hours           = 2

  recovery_point_selection {
    algorithm             = "LATEST_WITHIN_WINDOW"
    include_vaults        = [aws_backup_vault.this.arn]
    recovery_point_types  = ["SNAPSHOT"]
    selection_window_days = 7
  }
}

resource "aws_backup_restore_testing_selection" "database" {
  count = var.restore_test_enabled ? 1 : 0

  name                      = "database"
  restore_testing_plan_name = aws_backup_restore_testing_plan.this[0].name
  iam_role_arn              = aws_iam_role.this.arn
  protected_resource_type   = "RDS"
  protected_resource_arns   = [var.database.instance_arn]
  validation_window_hours   = 1

  # Without these the default VPC would be used, which may not exist.
  restore_metadata_overrides = {
    dbSubnetGroupName   = var.database.subnet_group_name
    vpcSecurityGroupIds = jsonencode([var.database.security_group_id])
  }
}

resource "aws_backup_restore_testing_selection" "buckets" {
  count = var.restore_test_enabled ? 1 : 0

  name                      = "buckets"
  restore_testing_plan_name = aws_backup_restore_testing_plan.this[0].name
  iam_role_arn              = aws_iam_role.this.arn
  protected_resource_type   = "S3"
  protected_resource_arns   = [var.bucket_arns[var.restore_test_bucket]]
  validation_window_hours   = 1
}

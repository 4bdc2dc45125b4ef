output "backend_configuration" {
  description = "Contents of environments/<environment>.s3.tfbackend."
  value       = <<-EOT
    bucket     = "${module.state.name}"
    key        = "${var.environment}/terraform.tfstate"
    region     = "${var.aws_region}"
    kms_key_id = "${aws_kms_key.state.arn}"
  EOT
}

output "github_role_arns" {
  description = "ARNs of the GitHub roles, plan and apply; empty without github_repository."
  value       = { for name, role in aws_iam_role.github : name => role.arn }
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.this.name
}

output "cluster_arn" {
  description = "ARN of the cluster."
  value       = aws_ecs_cluster.this.arn
}

output "service_name" {
  description = "Name of the service."
  value       = aws_ecs_service.this.name
}

output "task_definition_arn" {
  description = "What the service runs, with its revision."
  value       = aws_ecs_task_definition.this.arn
}

output "task_role_arn" {
  description = "Role of the application itself, for policies of what it asks."
  value       = aws_iam_role.task.arn
}

output "execution_role_arn" {
  description = "Role that tasks are started with."
  value       = aws_iam_role.execution.arn
}

output "log_group_name" {
  description = "Log group of the application."
  value       = aws_cloudwatch_log_group.this.name
}

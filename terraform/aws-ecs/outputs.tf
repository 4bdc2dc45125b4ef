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
  description = "Task definition of the service, with its revision."
  value       = aws_ecs_task_definition.this.arn
}

output "task_role_arn" {
  description = "Task role of the application."
  value       = aws_iam_role.task.arn
}

output "execution_role_arn" {
  description = "Execution role of the tasks."
  value       = aws_iam_role.execution.arn
}

output "log_group_name" {
  description = "Log group of the application."
  value       = aws_cloudwatch_log_group.this.name
}

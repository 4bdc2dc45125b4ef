output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "role_arn" {
  description = "ARN of the function's execution role."
  value       = aws_iam_role.this.arn
}

output "timeout_seconds" {
  description = "Timeout of an invocation, in seconds."
  value       = aws_lambda_function.this.timeout
}

output "log_group" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "failure_queue" {
  description = "Name of the queue of failed invocations; null if there is none."
  value       = one(aws_sqs_queue.failures[*].name)
}

output "failure_queue_arn" {
  description = "ARN of the queue of failed invocations; null if there is none."
  value       = one(aws_sqs_queue.failures[*].arn)
}

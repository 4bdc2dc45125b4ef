# One function with its role, policy, log group and failure queue.

locals {
  package_is_there = fileexists(var.package_path)
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:The environment sets the retention; long-term data is in the buckets
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:The code sends no X-Ray segments; logs have the request id
  #checkov:skip=CKV_AWS_115:Only functions with a database connection have reserved concurrency
  #checkov:skip=CKV_AWS_116:aws_lambda_function_event_invoke_config sends failures to the queue, with the response
  #checkov:skip=CKV_AWS_117:Only functions that need the database are in the VPC
  #checkov:skip=CKV_AWS_173:The environment contains no secrets, only names and ARNs
  #checkov:skip=CKV_AWS_272:The pipeline verifies the zip's hash; there is no other deployment
  function_name                  = var.name
  description                    = var.description
  role                           = aws_iam_role.this.arn
  handler                        = var.handler
  runtime                        = var.runtime
  architectures                  = [var.architecture]
  filename                       = var.package_path
  source_code_hash               = local.package_is_there ? filebase64sha256(var.package_path) : null
  timeout                        = var.timeout_seconds
  memory_size                    = var.memory_mb
  reserved_concurrent_executions = var.reserved_concurrency
  layers                         = var.layers

  environment {
    variables = merge({ POWERTOOLS_LOG_LEVEL = "INFO", POWERTOOLS_SERVICE_NAME = var.name }, var.environment)
  }

  ephemeral_storage {
    size = var.ephemeral_storage_mb
  }

  logging_config {
    log_format = "Text" # the code writes JSON itself
    log_group  = aws_cloudwatch_log_group.this.name
  }

  dynamic "vpc_config" {
    for_each = var.network == null ? [] : [var.network]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  lifecycle {
    precondition {
      condition     = local.package_is_there
      error_message = "${var.package_path} does not exist: run `make lambdas` first, or set lambda_package_dir to the folder of the zips."
    }

    # Always true: makes only the function wait for var.after. depends_on of the module would defer all policies too.
    precondition {
      condition     = length(var.after) >= 0
      error_message = "The prerequisites of the function are not complete."
    }
  }

  # The first invocation needs the role's policy.
  depends_on = [aws_iam_role_policy.this]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  count = var.failure_queue_enabled ? 1 : 0

  function_name          = aws_lambda_function.this.function_name
  maximum_retry_attempts = var.retries

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures[0].arn
    }
  }
}

resource "aws_sqs_queue" "failures" {
  count = var.failure_queue_enabled ? 1 : 0

  name                      = "${var.name}-failures"
  message_retention_seconds = 1209600 # 14 days, the maximum
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "failures" {
  count = var.failure_queue_enabled ? 1 : 0

  queue_url = aws_sqs_queue.failures[0].url
  policy    = data.aws_iam_policy_document.failures[0].json
}

data "aws_iam_policy_document" "failures" {
  count = var.failure_queue_enabled ? 1 : 0

  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["sqs:*"] # deny statement, covers all actions
    resources = [aws_sqs_queue.failures[0].arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

# One function with all that is its own: role, policy, log group, queue of failures.

locals {
  package_is_there = fileexists(var.package_path)
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:Retention is the environment's decision; what must be kept for long is in the buckets
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:No code of ours sends segments; a request is followed by its id in the logs
  #checkov:skip=CKV_AWS_115:Only who talks to the database is bounded, the rest takes what the account has
  #checkov:skip=CKV_AWS_116:Failures go to the queue by aws_lambda_function_event_invoke_config, which keeps the answer too
  #checkov:skip=CKV_AWS_117:Only functions that need the database are in the VPC
  #checkov:skip=CKV_AWS_173:The environment holds no secrets, only names and ARNs
  #checkov:skip=CKV_AWS_272:The zip's hash is that of the pipeline's own build; there is no other road to deploy by
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
      error_message = "${var.package_path} is not there: run `make lambdas` first, or set lambda_package_dir to where the zips are."
    }

    # Always so: it is here to be waited for, which depends_on of the module would have every policy wait for too.
    precondition {
      condition     = length(var.after) >= 0
      error_message = "What has to be done before the function is replaced has not been done."
    }
  }

  # What the role may must be in force when the first invocation comes.
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
  message_retention_seconds = 1209600 # 14 days, the longest there is
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
    sid       = "NothingWithoutTls"
    effect    = "Deny"
    actions   = ["sqs:*"] # all of it: this refuses
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

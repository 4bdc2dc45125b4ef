resource "aws_iam_role" "this" {
  name               = "${var.name}-role"
  description        = "Permissions of the function ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "${var.name}-policy"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.this.json
}

data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_111:Network interfaces have no predictable ARN, see below
  #checkov:skip=CKV_AWS_356:Network interfaces have no predictable ARN, see below
  source_policy_documents = [var.policy_json]

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  dynamic "statement" {
    for_each = aws_sqs_queue.failures

    content {
      sid       = "SendFailedInvocations"
      actions   = ["sqs:SendMessage"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = var.network == null ? [] : [var.network]

    content {
      sid = "AttachToVpc"
      actions = [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
      ]
      resources = ["*"] # interface ids are created by Lambda, and Describe calls support no resource
    }
  }

  dynamic "statement" {
    for_each = var.network == null ? [] : [var.network]

    content {
      # Lambda needs the permission above to attach the function to the VPC; it is denied to the function's code.
      sid       = "DenyFunctionCode"
      effect    = "Deny"
      actions   = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface"]
      resources = ["*"] # deny statement

      condition {
        test     = "ArnLike"
        variable = "lambda:SourceFunctionArn"
        values   = ["arn:*:lambda:*:*:function:${var.name}"]
      }
    }
  }
}

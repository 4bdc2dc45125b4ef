# VPC endpoints: a gateway endpoint for S3, interface endpoints in each private subnet for the other services.

locals {
  # IAM action prefix of a service, if it differs from the endpoint name.
  action_prefixes = { monitoring = "cloudwatch", kinesis-streams = "kinesis", email = "ses" }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.place.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]
  policy            = data.aws_iam_policy_document.s3.json

  tags = { Name = "${var.name}-s3" }
}

data "aws_iam_policy_document" "s3" {
  statement {
    sid       = "BucketsForRolesOfThisAccount"
    actions   = ["s3:*"] # limits the principals; role policies limit the actions
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [var.place.account_id]
    }
  }

  # Image layers are in a bucket owned by ECR and are fetched by presigned URLs.
  statement {
    sid       = "ImageLayers"
    actions   = ["s3:GetObject"]
    resources = ["arn:${var.place.partition}:s3:::prod-${var.place.region}-starport-layer-bucket/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.place.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.this["endpoints"].id]
  policy              = data.aws_iam_policy_document.interface[each.key].json

  tags = { Name = "${var.name}-${each.key}" }
}

data "aws_iam_policy_document" "interface" {
  for_each = var.interface_endpoints

  statement {
    sid       = "RolesOfThisAccount"
    actions   = ["${lookup(local.action_prefixes, each.key, split(".", each.key)[0])}:*"] # as for S3: limits principals, not actions
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [var.place.account_id]
    }
  }
}

# IoT things and policies of the gateways, each limited to its own topic; one rule writes all messages to the stream.

resource "aws_iot_thing_type" "gateway" {
  name = "accuenergy-gateway"

  properties {
    description = "A gateway with its three-phase meters"
  }
}

resource "aws_iot_thing" "this" {
  for_each = var.gateways

  name            = each.key
  thing_type_name = aws_iot_thing_type.gateway.name
}

resource "aws_iot_policy" "gateway" {
  for_each = var.gateways

  name   = "gateway-${each.key}"
  policy = data.aws_iam_policy_document.gateway[each.key].json
}

data "aws_iam_policy_document" "gateway" {
  for_each = var.gateways

  statement {
    sid       = "ConnectAsItself"
    actions   = ["iot:Connect"]
    resources = ["${local.iot_arn}:client/${each.key}"]
  }

  statement {
    sid       = "PublishOwnTopic"
    actions   = ["iot:Publish"]
    resources = ["${local.iot_arn}:topic/${var.names.topic_prefix}/${each.key}"]
  }
}

# Certificates are created from signing requests: private keys are neither in AWS nor in the Terraform state.
resource "aws_iot_certificate" "this" {
  for_each = var.signing_requests

  csr    = each.value
  active = true
}

resource "aws_iot_policy_attachment" "this" {
  for_each = var.signing_requests

  policy = aws_iot_policy.gateway[each.key].name
  target = aws_iot_certificate.this[each.key].arn
}

resource "aws_iot_thing_principal_attachment" "this" {
  for_each = var.signing_requests

  thing     = aws_iot_thing.this[each.key].name
  principal = aws_iot_certificate.this[each.key].arn
}

resource "aws_s3_object" "certificate" {
  for_each = var.signing_requests

  bucket       = var.certificate_bucket.name
  key          = "${each.key}/certificate.pem"
  content      = aws_iot_certificate.this[each.key].certificate_pem
  content_type = "application/x-pem-file"
}

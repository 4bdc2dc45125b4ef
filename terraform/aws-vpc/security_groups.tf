# Allowed connections. All security groups are here, so modules do not depend on each other.

locals {
  groups = {
    functions     = "Functions that need the database"
    application   = "Tasks of the web application"
    load_balancer = "Load balancer of the web application"
    proxy         = "Proxy before the database"
    database      = "The database"
    endpoints     = "Addresses of services of AWS"
  }

  # Allowed connections by name: client, server, port.
  paths = {
    functions-to-database    = { from = "functions", to = "database", port = var.database_port }
    functions-to-proxy       = { from = "functions", to = "proxy", port = var.database_port }
    functions-to-endpoints   = { from = "functions", to = "endpoints", port = 443 }
    application-to-database  = { from = "application", to = "database", port = var.database_port }
    application-to-proxy     = { from = "application", to = "proxy", port = var.database_port }
    application-to-endpoints = { from = "application", to = "endpoints", port = 443 }
    load-balancer-to-tasks   = { from = "load_balancer", to = "application", port = var.application_port }
    proxy-to-database        = { from = "proxy", to = "database", port = var.database_port }
  }

  # Outbound ports, with a NAT gateway only.
  outbound_ports = var.nat == "none" ? {} : merge(
    { application-https = { from = "application", port = 443 } },
    { for port in var.outside_database_ports : "functions-database-${port}" => { from = "functions", port = port } },
  )
}

# Addresses of CloudFront as a client of the load balancer.
data "aws_ec2_managed_prefix_list" "cloudfront" {
  name = "com.amazonaws.global.cloudfront.origin-facing"
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:Attached by the modules that receive the groups
  for_each = local.groups

  name_prefix = "${var.name}-${each.key}-"
  description = each.value
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "path" {
  for_each = local.paths

  security_group_id            = aws_security_group.this[each.value.from].id
  referenced_security_group_id = aws_security_group.this[each.value.to].id
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "path" {
  for_each = local.paths

  security_group_id            = aws_security_group.this[each.value.to].id
  referenced_security_group_id = aws_security_group.this[each.value.from].id
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  for_each = toset(["functions", "application"])

  security_group_id = aws_security_group.this[each.key].id
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  description       = "${each.key}-to-s3"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "outside" {
  for_each = local.outbound_ports

  security_group_id = aws_security_group.this[each.value.from].id
  cidr_ipv4         = "0.0.0.0/0"
  description       = each.key
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "cloudfront" {
  security_group_id = aws_security_group.this["load_balancer"].id
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront.id
  description       = "cloudfront-to-load-balancer"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  place              = { account_id = "123456789012", region = "eu-west-1", partition = "aws" }
  name               = "smarterise-dev"
  availability_zones = ["eu-west-1a", "eu-west-1b"]
  kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/1"
  log_retention_days = 90
}

run "subnets_share_the_range" {
  command = plan

  assert {
    condition = (
      aws_subnet.private["eu-west-1b"].cidr_block == "10.20.16.0/20"
      && aws_subnet.database["eu-west-1a"].cidr_block == "10.20.192.0/24"
      && aws_subnet.public["eu-west-1b"].cidr_block == "10.20.209.0/24"
    )
    error_message = "The subnets are not where they should be."
  }
  assert {
    condition     = alltrue([for subnet in concat(values(aws_subnet.private), values(aws_subnet.public), values(aws_subnet.database)) : !subnet.map_public_ip_on_launch])
    error_message = "Nothing may get a public address by itself."
  }
}

run "by_default_there_is_no_way_out" {
  command = plan

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_route.private) == 0 && length(aws_vpc_security_group_egress_rule.outside) == 0
    error_message = "Without NAT nothing may be open to the outside."
  }
  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["monitoring", "secretsmanager"])
    error_message = "Functions in the network need metrics and passwords."
  }
  assert {
    condition     = data.aws_iam_policy_document.interface["monitoring"].statement[0].actions == toset(["cloudwatch:*"])
    error_message = "The endpoint of metrics speaks of cloudwatch."
  }
}

run "one_way_out_serves_every_zone" {
  command = plan
  variables {
    nat                    = "single"
    outside_database_ports = [5433]
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.private) == 2
    error_message = "Every private subnet must go out by the one NAT gateway."
  }
  assert {
    condition     = toset(keys(aws_vpc_security_group_egress_rule.outside)) == toset(["application-https", "functions-database-5433"])
    error_message = "Only the requested ports may be open to the outside."
  }
}

run "a_way_out_for_each_zone" {
  command = plan
  variables {
    nat                = "per_zone"
    availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_subnet.database) == 3
    error_message = "Each zone must have its own NAT gateway."
  }
}

run "every_path_is_open_on_both_ends" {
  command = plan

  assert {
    condition     = keys(aws_vpc_security_group_egress_rule.path) == keys(aws_vpc_security_group_ingress_rule.path)
    error_message = "A path that is open on one end alone leads nowhere."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.path : rule.cidr_ipv4 == null]) && aws_vpc_security_group_ingress_rule.cloudfront.from_port == 443
    error_message = "Only groups, and CloudFront by TLS, may come in."
  }
}

run "what_passes_is_written_down" {
  command = plan

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.retention_in_days == 90
    error_message = "The flow log must record all traffic, with the given retention."
  }
}

run "no_range_at_all_is_refused" {
  command = plan
  variables {
    cidr = "10.20.0.0"
  }
  expect_failures = [var.cidr]
}

run "a_range_too_small_is_refused" {
  command = plan
  variables {
    cidr = "10.20.0.0/24"
  }
  expect_failures = [var.cidr]
}

run "a_range_that_begins_amiss_is_refused" {
  command = plan
  variables {
    cidr = "10.20.1.0/16"
  }
  expect_failures = [var.cidr]
}

run "a_range_of_somebody_elses_is_refused" {
  command = plan
  variables {
    cidr = "8.8.0.0/16"
  }
  expect_failures = [var.cidr]
}

run "one_zone_is_refused" {
  command = plan
  variables {
    availability_zones = ["eu-west-1a"]
  }
  expect_failures = [var.availability_zones]
}

run "a_zone_elsewhere_is_refused" {
  command = plan
  variables {
    availability_zones = ["eu-west-1a", "us-east-1a"]
  }
  expect_failures = [var.availability_zones]
}

run "functions_without_metrics_are_refused" {
  command = plan
  variables {
    interface_endpoints = ["secretsmanager"]
  }
  expect_failures = [var.interface_endpoints]
}

run "an_unreachable_database_is_refused" {
  command = plan
  variables {
    outside_database_ports = [5432]
  }
  expect_failures = [var.outside_database_ports]
}

run "a_port_of_root_is_refused" {
  command = plan
  variables {
    application_port = 80
  }
  expect_failures = [var.application_port]
}

run "another_way_out_is_refused" {
  command = plan
  variables {
    nat = "two"
  }
  expect_failures = [var.nat]
}

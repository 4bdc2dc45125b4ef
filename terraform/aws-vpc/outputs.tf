output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "CIDR block of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "private_subnet_ids" {
  description = "Private subnets in the order of the zones, once routes and endpoints exist."
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]

  # Functions may run as soon as they are created, so routes must exist.
  depends_on = [
    aws_route.private,
    aws_route_table_association.private,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_egress_rule.outside,
    aws_vpc_security_group_egress_rule.path,
    aws_vpc_security_group_egress_rule.s3,
    aws_vpc_security_group_ingress_rule.path,
  ]
}

output "database_subnet_ids" {
  description = "Database subnets, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.database[zone].id]
}

output "public_subnet_ids" {
  description = "Public subnets, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.public[zone].id]
}

output "security_group_ids" {
  description = "Security groups by purpose: functions, application, load_balancer, proxy, database, endpoints."
  value       = { for key, group in aws_security_group.this : key => group.id }
}

output "nat_addresses" {
  description = "Public addresses of the private subnets, for external firewall allowlists."
  value       = [for address in aws_eip.nat : address.public_ip]
}

output "s3_endpoint_id" {
  description = "Gateway endpoint of S3."
  value       = aws_vpc_endpoint.s3.id
}

output "flow_log_group_name" {
  description = "Log group of the flow log."
  value       = aws_cloudwatch_log_group.flow.name
}

output "vpc_id" {
  description = "Id of the network."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Range of addresses of the network."
  value       = aws_vpc.this.cidr_block
}

output "private_subnet_ids" {
  description = "Subnets of what runs, in the order of the zones, once they lead to what it needs."
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]

  # What is put there may run at once, and must find its ways.
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
  description = "Subnets of the database, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.database[zone].id]
}

output "public_subnet_ids" {
  description = "Subnets of the way out, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.public[zone].id]
}

output "security_group_ids" {
  description = "Security groups by whom they are for: functions, application, load_balancer, proxy, database, endpoints."
  value       = { for word, group in aws_security_group.this : word => group.id }
}

output "nat_addresses" {
  description = "Addresses that the private subnets are seen under from outside, for the lists of other people's firewalls."
  value       = [for address in aws_eip.nat : address.public_ip]
}

output "s3_endpoint_id" {
  description = "Endpoint that S3 is reached by."
  value       = aws_vpc_endpoint.s3.id
}

output "flow_log_group_name" {
  description = "Log group of the flow log."
  value       = aws_cloudwatch_log_group.flow.name
}

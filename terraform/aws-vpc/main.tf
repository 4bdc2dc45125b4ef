# The VPC: public subnets for NAT gateways, private ones for functions and tasks, isolated ones for the database.

locals {
  zones = { for index, zone in var.availability_zones : zone => index }

  # The first three sixteenths of the CIDR block are private subnets; database and public subnets are small.
  private_ranges  = { for zone, index in local.zones : zone => cidrsubnet(var.cidr, 4, index) }
  database_ranges = { for zone, index in local.zones : zone => cidrsubnet(var.cidr, 8, 192 + index) }
  public_ranges   = { for zone, index in local.zones : zone => cidrsubnet(var.cidr, 8, 208 + index) }

  nat_zones = {
    none     = []
    single   = slice(var.availability_zones, 0, 1)
    per_zone = var.availability_zones
  }[var.nat]
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # private DNS of endpoints needs both

  tags = { Name = var.name }
}

# The default security group allows no traffic.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-nothing" }
}

# A CloudFront VPC origin requires an internet gateway, although no traffic uses it.
resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = var.name }
}

resource "aws_subnet" "public" {
  for_each = local.public_ranges

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-public-${each.key}" }
}

resource "aws_subnet" "private" {
  for_each = local.private_ranges

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_subnet" "database" {
  for_each = local.database_ranges

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-database-${each.key}" }
}

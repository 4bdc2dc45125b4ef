variable "place" {
  description = "Account, region and partition of the stack; output of `meta`."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "name" {
  description = "Name of the VPC and prefix of its resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "The name of the VPC must be 2 to 31 lowercase letters, digits and hyphens, beginning with a letter, e.g. smarterise-dev."
  }
}

variable "cidr" {
  description = "CIDR block of the VPC, not in use in connected networks."
  type        = string
  default     = "10.20.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr))
    error_message = "cidr must be an IPv4 CIDR block such as 10.20.0.0/16."
  }

  validation {
    condition     = try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, true)
    error_message = "cidr must be a block from /16 to /20, so every subnet has enough addresses: e.g. 10.20.0.0/16."
  }

  validation {
    condition     = try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], true)
    error_message = "cidr must begin with the first address of its block: ${try(cidrhost(var.cidr, 0), "10.20.0.0")}/${try(split("/", var.cidr)[1], "16")}."
  }

  validation {
    condition     = can(regex("^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.)", var.cidr))
    error_message = "cidr must be of the private ranges 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16: other addresses are public."
  }
}

variable "availability_zones" {
  description = "Availability zones of the VPC, e.g. [\"eu-west-1a\", \"eu-west-1b\"]."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 2 && length(var.availability_zones) <= 3
    error_message = "availability_zones must contain two or three zones: a database needs at least two."
  }

  validation {
    condition     = length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones contains a zone twice: list each once."
  }

  validation {
    condition     = alltrue([for zone in var.availability_zones : startswith(zone, var.place.region)])
    error_message = "availability_zones must be zones of ${var.place.region}, e.g. ${var.place.region}a."
  }
}

variable "nat" {
  description = "NAT gateways of the private subnets: none, single or per_zone."
  type        = string
  default     = "none"
  nullable    = false

  validation {
    condition     = contains(["none", "single", "per_zone"], var.nat)
    error_message = "nat must be none, single or per_zone."
  }
}

variable "interface_endpoints" {
  description = "AWS services with an interface endpoint in the private subnets, billed by hour and zone."
  type        = set(string)
  default     = ["monitoring", "secretsmanager"]
  nullable    = false

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9.-]+$", service)) && !startswith(service, "com.amazonaws")])
    error_message = "interface_endpoints must be the part after com.amazonaws.<region>. of an endpoint name, e.g. secretsmanager or ecr.api."
  }

  validation {
    condition     = var.nat != "none" || length(setsubtract(["monitoring", "secretsmanager"], var.interface_endpoints)) == 0
    error_message = "Without a NAT gateway interface_endpoints must have monitoring and secretsmanager: functions in the VPC could otherwise neither publish metrics nor read a password. Add them, or set nat to single."
  }
}

variable "database_port" {
  description = "Port of the database."
  type        = number
  default     = 5432
  nullable    = false
}

variable "application_port" {
  description = "Port of the web application's container."
  type        = number
  default     = 8080
  nullable    = false

  validation {
    condition     = var.application_port >= 1024 && var.application_port <= 65535
    error_message = "application_port must be between 1024 and 65535: the container does not run as root."
  }
}

variable "outside_database_ports" {
  description = "Ports of an external database that functions may connect to."
  type        = set(number)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.outside_database_ports) == 0 || var.nat != "none"
    error_message = "outside_database_ports needs a NAT gateway: set nat to single or per_zone."
  }
}

variable "log_retention_days" {
  description = "Retention in days of the flow log."
  type        = number
}

variable "kms_key_arn" {
  description = "Key that encrypts the flow log."
  type        = string
}

variable "place" {
  description = "Account, region and partition of the stack; output of `meta`."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "names" {
  description = "Names of the stack's resources; output of `meta`."
  type        = map(string)
}

variable "gateways" {
  description = "Gateway serials of the devices."
  type        = set(string)

  validation {
    condition     = length(var.gateways) > 0
    error_message = "There is no device: name at least one gateway serial in smart_device_names."
  }
}

variable "signing_requests" {
  description = "Certificate signing requests (PEM) by gateway serial, created on the device so that its private key stays there. A gateway without one gets no certificate."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for serial in keys(var.signing_requests) : contains(var.gateways, serial)])
    error_message = "There is a signing request for a gateway that is not in smart_device_names: ${join(", ", [for serial in keys(var.signing_requests) : serial if !contains(var.gateways, serial)])}."
  }

  validation {
    condition     = alltrue([for pem in values(var.signing_requests) : strcontains(pem, "CERTIFICATE REQUEST") && !strcontains(pem, "PRIVATE KEY")])
    error_message = "A signing request must be a PEM of a CERTIFICATE REQUEST, and contain no private key: create one with openssl req -new."
  }
}

variable "stream" {
  description = "Name and ARN of the stream of readings."
  type        = object({ name = string, arn = string })
}

variable "error_bucket" {
  description = "Name and ARN of the bucket for messages that could not be written to the stream, under iot-errors/."
  type        = object({ name = string, arn = string })
}

variable "certificate_bucket" {
  description = "Name and ARN of the bucket of the device certificates."
  type        = object({ name = string, arn = string })
}

variable "kms_key_arn" {
  description = "Key that encrypts stream and bucket."
  type        = string
}

variable "log_retention_days" {
  description = "Retention in days of the AWS IoT log."
  type        = number
}

variable "place" {
  description = "Account, region and partition that the stack is in, as `meta` tells."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "names" {
  description = "What every part of the stack is called, as `meta` tells."
  type        = map(string)
}

variable "gateways" {
  description = "Gateway serials of the devices."
  type        = set(string)

  validation {
    condition     = length(var.gateways) > 0
    error_message = "There is no device: name the gateway serial of one at least in smart_device_names."
  }
}

variable "signing_requests" {
  description = "Certificate signing requests (PEM) by gateway serial, made on the device or beside it, so that its private key is nowhere else. A gateway without one has no certificate yet."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for serial in keys(var.signing_requests) : contains(var.gateways, serial)])
    error_message = "There is a signing request of a gateway that is not among smart_device_names: ${join(", ", [for serial in keys(var.signing_requests) : serial if !contains(var.gateways, serial)])}."
  }

  validation {
    condition     = alltrue([for pem in values(var.signing_requests) : strcontains(pem, "CERTIFICATE REQUEST") && !strcontains(pem, "PRIVATE KEY")])
    error_message = "A signing request must be a PEM of a CERTIFICATE REQUEST, and hold no private key: make one with openssl req -new."
  }
}

variable "stream" {
  description = "Name and ARN of the stream that readings go to."
  type        = object({ name = string, arn = string })
}

variable "error_bucket" {
  description = "Name and ARN of the bucket that keeps messages which could not be put on the stream, under iot-errors/."
  type        = object({ name = string, arn = string })
}

variable "certificate_bucket" {
  description = "Name and ARN of the bucket that the devices' certificates are kept in."
  type        = object({ name = string, arn = string })
}

variable "kms_key_arn" {
  description = "Key that encrypts stream and bucket."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the log of AWS IoT is kept."
  type        = number
}

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/a"
  name        = "device-data-stream"
}

run "on_demand_unless_shards_are_given" {
  command = plan

  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "ON_DEMAND"
    error_message = "Without shards AWS provides on demand."
  }

  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS"
    error_message = "Records must be encrypted."
  }

  assert {
    condition     = aws_kinesis_stream.this.retention_period == 168
    error_message = "Records must outlast a long weekend."
  }
}

run "shards_are_provisioned" {
  command = plan
  variables {
    shard_count = 2
  }

  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "PROVISIONED" && output.is_provisioned
    error_message = "With shards the stream is provisioned."
  }
}

run "too_short_a_retention_is_refused" {
  command = plan
  variables {
    retention_hours = 1
  }
  expect_failures = [var.retention_hours]
}

run "no_shard_is_refused" {
  command = plan
  variables {
    shard_count = 0
  }
  expect_failures = [var.shard_count]
}

# Raw readings as an Athena table with partition projection.

resource "aws_athena_workgroup" "this" {
  name        = "smarterise"
  description = "Queries of raw readings"

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.athena_scan_limit_bytes

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "s3://${module.athena_results.name}/results/"
      expected_bucket_owner = var.place.account_id

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.kms_key_arn
      }
    }
  }
}

resource "aws_glue_catalog_database" "this" {
  name        = "smarterise"
  description = "Raw readings"
}

resource "aws_glue_catalog_table" "raw_readings" {
  name          = "raw_readings"
  description   = "Raw readings, one line each, under raw/ of the data lake"
  database_name = aws_glue_catalog_database.this.name
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                    = "TRUE"
    classification              = "json"
    compressionType             = "gzip"
    "projection.enabled"        = "true"
    "projection.source.type"    = "enum"
    "projection.source.values"  = "iot,ftp"
    "projection.dt.type"        = "date"
    "projection.dt.format"      = "yyyy-MM-dd"
    "projection.dt.range"       = "2020-01-01,NOW+1DAYS"
    "projection.hour.type"      = "integer"
    "projection.hour.range"     = "0,23"
    "projection.hour.digits"    = "2"
    "storage.location.template" = "s3://${module.data_lake.name}/raw/source=$${source}/dt=$${dt}/hour=$${hour}/"
  }

  partition_keys {
    name = "source"
    type = "string"
  }

  partition_keys {
    name = "dt"
    type = "string"
  }

  partition_keys {
    name = "hour"
    type = "string"
  }

  storage_descriptor {
    location      = "s3://${module.data_lake.name}/raw/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      parameters            = { "ignore.malformed.json" = "true" }
    }

    dynamic "columns" {
      for_each = var.lake_columns

      content {
        name = columns.key
        type = columns.value
      }
    }
  }
}

resource "aws_athena_named_query" "latest" {
  name        = "latest-readings"
  description = "The last hour of one gateway, from the data lake"
  workgroup   = aws_athena_workgroup.this.name
  database    = aws_glue_catalog_database.this.name
  query       = <<-SQL
    SELECT measured_at, voltage_a, voltage_b, voltage_c, active_power_total
    FROM ${aws_glue_catalog_table.raw_readings.name}
    WHERE source = 'iot'
      AND dt = date_format(current_timestamp AT TIME ZONE 'UTC', '%Y-%m-%d')
      AND hour = date_format(current_timestamp AT TIME ZONE 'UTC', '%H')
      AND gateway_serial = 'ehm21120333'
    ORDER BY measured_at DESC
    LIMIT 60
  SQL
}

# Site alarms: the alarm rules of the domain, on the metrics that the functions publish.

locals {
  # One alarm per site and rule, named after both; a serial has no hyphen, so the name can be parsed.
  site_alarms = merge([
    for serial, site in var.sites : {
      for rule_name, rule in var.alarm_rules : "${var.names.alarm_prefix}-${serial}-${rule_name}" => {
        serial     = serial
        site       = site
        rule       = rule
        limit      = rule.limits[site.quality_profile].per_volt * site.nominal_voltage + rule.limits[site.quality_profile].constant
        unit       = rule.statistic == "Average" ? var.metrics[rule.metric] : "readings a period"
        period     = var.alarm_paces[site.tier].period
        datapoints = rule.datapoints[site.tier]
      }
    }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "site" {
  for_each = local.site_alarms

  alarm_name          = each.key
  alarm_description   = "${coalesce(each.value.site.name, each.value.serial)}: ${each.value.rule.description} (limit ${format("%g", each.value.limit)} ${each.value.unit})"
  namespace           = var.names.metric_namespace
  metric_name         = each.value.rule.metric
  dimensions          = { (var.gateway_dimension) = each.value.serial }
  statistic           = each.value.rule.statistic
  period              = each.value.period
  evaluation_periods  = each.value.datapoints.periods
  datapoints_to_alarm = each.value.datapoints.needed
  threshold           = each.value.limit
  comparison_operator = each.value.rule.comparison
  treat_missing_data  = each.value.rule.missing
  actions_enabled     = each.value.site.enabled && each.value.site.tier == "CRITICAL"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]

  lifecycle {
    # site-config-manager enables and disables the actions, as defined by the site file.
    ignore_changes = [actions_enabled]
  }
}

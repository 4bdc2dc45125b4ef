# Budget and cost anomaly alerts. Free of charge, so enabled in every mode.

module "costs" {
  source = "./meta/costs"

  alert_topic_arn     = module.ses.alert_topic_arn
  monthly_limit_usd   = var.monthly_budget_usd
  anomaly_limit_usd   = var.cost_anomaly_limit_usd
  anomaly_monitor_arn = var.cost_anomaly_monitor_arn
}

# Autoscaling by requests, CPU and memory.

locals {
  targets = {
    requests = { metric = "ALBRequestCountPerTarget", label = var.request_count_label, target = var.scaling.requests_per_minute }
    cpu      = { metric = "ECSServiceAverageCPUUtilization", label = null, target = var.scaling.cpu_percent }
    memory   = { metric = "ECSServiceAverageMemoryUtilization", label = null, target = var.scaling.memory_percent }
  }
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  min_capacity       = var.scaling.fewest
  max_capacity       = var.scaling.most
}

resource "aws_appautoscaling_policy" "this" {
  for_each = local.targets

  name               = "${var.name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.target
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
      resource_label         = each.value.label
    }
  }
}

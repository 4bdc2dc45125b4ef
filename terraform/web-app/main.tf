# Access to the web application: CloudFront with an internal load balancer as origin.

resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_150:Deletion protection is set by the environment, on by default
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = true
  subnets                    = var.network.subnet_ids
  security_groups            = [var.network.security_group_id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  idle_timeout               = 65
  enable_deletion_protection = !var.destroy_with_logs_enabled

  access_logs {
    enabled = true
    bucket  = module.logs.name
    prefix  = local.load_balancer_prefix
  }

  # The load balancer needs the bucket policy for its logs.
  depends_on = [module.logs]
}

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:Load balancer and tasks are connected by private subnets only
  name_prefix          = "web-"
  vpc_id               = var.network.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = var.application_port
  deregistration_delay = 30

  health_check {
    path                = var.health_path
    matcher             = "200"
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTPS"
  port              = 443
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
  certificate_arn   = var.certificate_arns.load_balancer

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

# Roles of the GitHub workflows: one plans, one applies. See docs/decisions/0086-ci-applies-the-plan-that-was-reviewed-without-passing-it-on.md

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # Without a repository there are no roles.
  repositories = var.github_repository == null ? toset([]) : toset([var.github_repository])

  github       = "token.actions.githubusercontent.com"
  account_arns = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}"
  provider_arn = "${local.account_arns}:oidc-provider/${local.github}"

  # Subjects of the OIDC tokens. A job in an environment has the environment instead of the branch.
  subjects = {
    plan  = ["pull_request", "ref:refs/heads/main"]
    apply = ["environment:${var.environment}"]
  }

  purposes = {
    plan  = "Plans the stack of ${var.environment} for pull requests, main and drift detection; read-only"
    apply = "Changes the stack of ${var.environment}, for approved jobs of the environment ${var.environment}"
  }

  roles = merge([
    for repository in local.repositories : {
      for role, subjects in local.subjects : role => [for subject in subjects : "repo:${repository}:${subject}"]
    }
  ]...)
}

resource "aws_iam_openid_connect_provider" "github" {
  for_each = var.github_provider_creation_enabled ? local.repositories : toset([])

  url            = "https://${local.github}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  #checkov:skip=CKV_AWS_358:The subjects in local.roles are complete and have no wildcards; a test checks them
  for_each = local.roles

  statement {
    sid     = "GitHubJobs"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.github}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.github}:sub"
      values   = each.value
    }
  }
}

resource "aws_iam_role" "github" {
  for_each = local.roles

  name                 = "smarterise-terraform-${each.key}"
  description          = local.purposes[each.key]
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600

  depends_on = [aws_iam_openid_connect_provider.github] # the trust policy needs an existing provider
}

resource "aws_iam_role_policy" "github" {
  for_each = local.roles

  name = "smarterise-terraform-${each.key}"
  role = aws_iam_role.github[each.key].name
  policy = {
    plan  = data.aws_iam_policy_document.plan.json
    apply = data.aws_iam_policy_document.apply.json
  }[each.key]
}

# AWS managed policies, because the stack has about 80 resource types.
resource "aws_iam_role_policy_attachment" "github" {
  for_each = local.roles

  role = aws_iam_role.github[each.key].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${ {
    plan  = "ReadOnlyAccess"
    apply = "PowerUserAccess"
  }[each.key]}"
}

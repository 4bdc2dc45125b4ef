# Who GitHub's workflows are in this account: one role that looks, one that changes. Neither has a password.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # Without a repository there are no roles.
  repositories = var.github_repository == null ? toset([]) : toset([var.github_repository])

  github       = "token.actions.githubusercontent.com"
  account_arns = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}"
  provider_arn = "${local.account_arns}:oidc-provider/${local.github}"

  # What a workflow says it is. A job in an environment says so instead of its branch.
  subjects = {
    plan  = ["pull_request", "ref:refs/heads/main"]
    apply = ["environment:${var.environment}"]
  }

  purposes = {
    plan  = "Plans the stack of ${var.environment} for pull requests, main and the search for drift; changes nothing"
    apply = "Changes the stack of ${var.environment}, for jobs that the environment ${var.environment} let through"
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
  #checkov:skip=CKV_AWS_358:The subjects are those of local.roles, whole and without wildcards; a test reads them
  for_each = local.roles

  statement {
    sid     = "JobsOfGitHub"
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

  depends_on = [aws_iam_openid_connect_provider.github] # IAM looks whether who is trusted is there
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

# AWS's own lists of what reads, and of what changes anything but IAM: the stack has some 80 kinds of resource.
resource "aws_iam_role_policy_attachment" "github" {
  for_each = local.roles

  role = aws_iam_role.github[each.key].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${ {
    plan  = "ReadOnlyAccess"
    apply = "PowerUserAccess"
  }[each.key]}"
}

"""The runbook "Site Configuration Not Loading": bucket, file, function, role, and all of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smarterise_sdk.checks.iam_policy import Says, says
from smarterise_sdk.checks.model import Evaluation, FindingStatus, Severity, check, had
from smarterise_sdk.domain.outcome import Missing
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import InvalidDocument, NotFound, RemoteFault

if TYPE_CHECKING:
    from smarterise_sdk.checks.site_config_facts import SiteConfigFacts

SUBJECT = "site-config"
_PROBLEMS_SHOWN = 5
_REPAIR = (
    "see what mends it: smarterise-ops sites repair --dry-run; or go back to the last good version: "
    "smarterise-ops sites repair --last-good"
)
_NEEDED = ("s3:GetObject", "s3:PutObject")
_WANTED = ("s3:GetObjectVersion", "s3:ListBucketVersions")


@check(
    "site-config-bucket",
    subject=SUBJECT,
    title="The site-config bucket is there and answers",
    severity=Severity.CRITICAL,
    rationale="Every reader and writer of the sites' tiers lives on this bucket.",
    expected="the bucket exists and may be listed",
    remedy="check account, region and name: aws sts get-caller-identity; aws s3 ls",
    reads=["s3:ListBucket"],
)
def bucket_reachable(facts: SiteConfigFacts) -> Evaluation:
    """Judge whether the bucket is there."""
    url = _bucket(facts)
    if had(facts.bucket):
        return Evaluation(FindingStatus.OK, url, "it is there and may be listed")
    return Evaluation(FindingStatus.FAIL, url, "there is no such bucket")


@check(
    "site-config-file",
    subject=SUBJECT,
    title="site-tiers.json is there and valid",
    severity=Severity.CRITICAL,
    rationale="While the file is broken nobody can switch a tier, and readers go on with an old version.",
    expected="the file parses, and every site in it is valid",
    remedy="see what mends it: smarterise-ops sites repair --dry-run",
    reads=["s3:GetObject"],
)
def file_is_valid(facts: SiteConfigFacts) -> Evaluation:
    """Judge whether the file can be used."""
    url = _file(facts)
    if _is_absent(facts.bucket):
        return Evaluation(FindingStatus.SKIP, url, "there is no bucket")
    fact = facts.file
    if isinstance(fact, Missing) and isinstance(fact.error, NotFound):
        return Evaluation(FindingStatus.FAIL, url, "there is no such file", fact.error.remedy)
    if isinstance(fact, Missing) and isinstance(fact.error, InvalidDocument) and fact.error.problems:
        return Evaluation(FindingStatus.FAIL, url, _problems_text(fact.error.problems), _REPAIR)
    file = had(fact)
    if file.degraded is not None:
        observed = f"{_problems_text(file.degraded.problems)}; version {file.version_id} stands in"
        return Evaluation(FindingStatus.FAIL, url, observed, _REPAIR)
    return Evaluation(FindingStatus.OK, url, f"{len(file.document.sites)} sites, all valid")


@check(
    "site-config-versioning",
    subject=SUBJECT,
    title="The site-config bucket keeps versions",
    severity=Severity.HIGH,
    rationale="Without versions a bad write cannot be undone, and there is nothing to fall back on.",
    expected="versioning is enabled",
    remedy="aws s3api put-bucket-versioning --versioning-configuration Status=Enabled --bucket <bucket>",
    reads=["s3:GetBucketVersioning"],
)
def versioning_is_on(facts: SiteConfigFacts) -> Evaluation:
    """Judge whether the bucket keeps versions."""
    url = _bucket(facts)
    if _is_absent(facts.bucket):
        return Evaluation(FindingStatus.SKIP, url, "there is no bucket")
    status = had(facts.versioning)
    if status == "Enabled":
        return Evaluation(FindingStatus.OK, url, "versioning is enabled")
    remedy = (
        "aws s3api put-bucket-versioning --versioning-configuration Status=Enabled "
        f"--bucket {facts.names.site_config_bucket}"
    )
    return Evaluation(FindingStatus.FAIL, url, f"versioning is {status.lower() or 'off'}", remedy)


@check(
    "site-config-bucket-policy",
    subject=SUBJECT,
    title="The bucket policy does not lock the function out",
    severity=Severity.MEDIUM,
    rationale="A denial in the bucket policy beats every permission of the function's role.",
    expected="a bucket policy that denies the function neither s3:GetObject nor s3:PutObject",
    remedy="see the policy: aws s3api get-bucket-policy --bucket <bucket>",
    reads=["s3:GetBucketPolicy", "lambda:GetFunctionConfiguration"],
)
def bucket_policy_is_sound(facts: SiteConfigFacts) -> Evaluation:
    """Judge what the bucket policy says of the function's role."""
    url = _bucket(facts)
    if _is_absent(facts.bucket):
        return Evaluation(FindingStatus.SKIP, url, "there is no bucket")
    policy = had(facts.bucket_policy)
    if policy is None:
        remedy = "add one that denies insecure transport; the role's own policy gives the access"
        return Evaluation(FindingStatus.WARN, url, "the bucket has no policy (NoSuchBucketPolicy)", remedy)
    role = _role_arn(facts)
    callers = frozenset({role, *_account_of(role)} if role else ())
    denied = [
        action for action in _NEEDED if says(policy, action, _object_arn(facts), callers) is Says.DENIES
    ]
    if denied:
        return Evaluation(
            FindingStatus.FAIL, url, f"the policy denies {' and '.join(denied)} to {role or 'all'}"
        )
    if not role:
        had(facts.function)
        return Evaluation(
            FindingStatus.WARN, url, "it denies nothing to all, and there is no function to ask for"
        )
    return Evaluation(FindingStatus.OK, url, f"the policy denies nothing of it to {role}")


@check(
    "site-config-manager-function",
    subject=SUBJECT,
    title="site-config-manager is deployed, active and bound to this bucket",
    severity=Severity.CRITICAL,
    rationale="Tiers are switched through this function; bound elsewhere, it switches what nobody reads.",
    expected="state Active, last update successful, SITE_CONFIG_BUCKET and _KEY as in the settings",
    remedy="see its configuration: aws lambda get-function-configuration --function-name site-config-manager",
    reads=["lambda:GetFunctionConfiguration"],
)
def function_is_active(facts: SiteConfigFacts) -> Evaluation:
    """Judge whether the function is deployed and ready."""
    name = facts.names.site_config_manager
    configuration = had(facts.function)
    if configuration is None:
        remedy = "deploy it: terraform apply; then: aws lambda list-functions"
        return Evaluation(FindingStatus.FAIL, name, "there is no such function", remedy)
    state = str(configuration.get("State", "Active"))
    update = str(configuration.get("LastUpdateStatus", "Successful"))
    if state != "Active" or update == "Failed":
        why = configuration.get("StateReason") or configuration.get("LastUpdateStatusReason") or ""
        return Evaluation(
            FindingStatus.FAIL, name, visible(f"state {state}, last update {update} {why}".strip())
        )
    elsewhere = _bound_elsewhere(facts, configuration)
    if elsewhere:
        return Evaluation(FindingStatus.FAIL, name, elsewhere)
    if update != "Successful":
        return Evaluation(FindingStatus.WARN, name, f"state {state}, last update {update}", "wait a minute")
    return Evaluation(FindingStatus.OK, name, "active, last update successful, bound to this file")


@check(
    "site-config-manager-role",
    subject=SUBJECT,
    title="The function's role policy allows reading and writing the file",
    severity=Severity.HIGH,
    rationale="Without these permissions the function can neither tell nor switch a tier.",
    expected="the inline policy allows s3:GetObject and s3:PutObject on the file, and reading its versions",
    remedy="see the policy: aws iam get-role-policy --role-name site-config-manager-role "
    "--policy-name site-config-manager-policy",
    reads=["iam:GetRolePolicy"],
)
def role_allows(facts: SiteConfigFacts) -> Evaluation:
    """Judge what the role's inline policy says of the file. Other policies and conditions are not seen."""
    function = facts.names.site_config_manager
    role, name = facts.names.role(function), facts.names.role_policy(function)
    policy = had(facts.role_policy)
    if policy is None:
        return Evaluation(
            FindingStatus.FAIL, role, f"there is no role of that name with an inline policy {name}"
        )
    lacking = [a for a in _NEEDED if says(policy, a, _object_arn(facts)) in (Says.NOTHING, Says.DENIES)]
    if lacking:
        return Evaluation(FindingStatus.FAIL, role, f"policy {name} does not allow {' and '.join(lacking)}")
    conditional = [a for a in _NEEDED if says(policy, a, _object_arn(facts)) is Says.ALLOWS_IF]
    if conditional:
        observed = f"policy {name} allows {' and '.join(conditional)} under a condition only"
        return Evaluation(FindingStatus.WARN, role, observed)
    resources = dict(zip(_WANTED, (_object_arn(facts), _bucket_arn(facts)), strict=True))
    missing = [a for a, resource in resources.items() if says(policy, a, resource) is not Says.ALLOWS]
    if missing:
        observed = f"policy {name} does not allow {' and '.join(missing)}: no falling back on an old version"
        return Evaluation(FindingStatus.WARN, role, observed)
    return Evaluation(FindingStatus.OK, role, f"allowed by policy {name}: {', '.join((*_NEEDED, *_WANTED))}")


@check(
    "site-config-manager-answers",
    subject=SUBJECT,
    title="site-config-manager answers, and agrees with the file",
    severity=Severity.CRITICAL,
    rationale="The parts can each look well while the whole does not work: this asks the function itself.",
    expected="get_config answers with the version of the file that is in S3",
    remedy="see its log: aws logs filter-log-events --log-group-name /aws/lambda/site-config-manager",
    reads=["lambda:InvokeFunction", "s3:GetObject"],
)
def function_responds(facts: SiteConfigFacts) -> Evaluation:
    """Judge whether the function tells what the file says."""
    name = facts.names.site_config_manager
    if _is_absent(facts.function):
        return Evaluation(FindingStatus.SKIP, name, "there is no function")
    fact = facts.manager
    if isinstance(fact, Missing) and isinstance(fact.error, NotFound | InvalidDocument | RemoteFault):
        return Evaluation(FindingStatus.FAIL, name, f"get_config fails: {fact.error}", fact.error.remedy)
    told = had(fact)
    if told.degraded is not None:
        return Evaluation(FindingStatus.WARN, name, told.degraded.message, _REPAIR)
    seen = {had(facts.file).etag, had(facts.file_after).etag}
    if told.etag not in seen:
        observed = f"it tells ETag {told.etag}; the file in S3 has {' and '.join(sorted(seen))}"
        return Evaluation(FindingStatus.FAIL, name, observed)
    return Evaluation(FindingStatus.OK, name, f"it tells the file in S3: {len(told.document.sites)} sites")


def _is_absent(fact: object) -> bool:
    return fact is None or fact is False


def _bound_elsewhere(facts: SiteConfigFacts, configuration: dict[str, Any]) -> str:
    variables = configuration.get("Environment", {}).get("Variables", {})
    wanted = {
        "SITE_CONFIG_BUCKET": facts.names.site_config_bucket,
        "SITE_CONFIG_KEY": facts.names.site_config_key,
    }
    return "; ".join(
        visible(f"{name} is {variables[name]}, the settings say {value}")
        for name, value in wanted.items()
        if variables.get(name, value) != value
    )


def _role_arn(facts: SiteConfigFacts) -> str:
    function = facts.function
    return "" if function is None or isinstance(function, Missing) else str(function.get("Role", ""))


def _account_of(role_arn: str) -> tuple[str, ...]:
    """Return the two ways in which a policy can name the account of a role."""
    account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    return (account, f"arn:aws:iam::{account}:root") if account else ()


def _bucket(facts: SiteConfigFacts) -> str:
    return f"s3://{facts.names.site_config_bucket}"


def _file(facts: SiteConfigFacts) -> str:
    return f"{_bucket(facts)}/{facts.names.site_config_key}"


def _bucket_arn(facts: SiteConfigFacts) -> str:
    return f"arn:aws:s3:::{facts.names.site_config_bucket}"


def _object_arn(facts: SiteConfigFacts) -> str:
    return f"{_bucket_arn(facts)}/{facts.names.site_config_key}"


def _problems_text(problems: tuple[Any, ...]) -> str:
    shown = "; ".join(str(problem) for problem in problems[:_PROBLEMS_SHOWN])
    more = f"; and {len(problems) - _PROBLEMS_SHOWN} more" if len(problems) > _PROBLEMS_SHOWN else ""
    return visible(f"{len(problems)} problem(s): {shown}{more}")

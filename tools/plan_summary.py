"""Summarize the changes of a Terraform plan: resources and argument names, without values.

    terraform show -json plan > plan.json
    python3 tools/plan_summary.py plan.json --environment dev

Pull requests and logs must not contain secrets, and secrets are not always marked as sensitive. `--outputs`
prints the number of changes and a digest that includes their values: an equal later plan has the same digest.
Needs only the standard library.
See docs/decisions/0086-ci-applies-the-plan-that-was-reviewed-without-passing-it-on.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ACTIONS = {
    ("create",): "create",
    ("update",): "change",
    ("delete",): "destroy",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "forget",
}
NOTHING = (["no-op"], ["read"])
LONGEST_TABLE = 200


def changes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the resources that the plan changes, moves or imports."""
    return [
        each
        for each in plan.get("resource_changes", [])
        if each["change"]["actions"] not in NOTHING
        or each.get("previous_address")
        or each["change"].get("importing")
    ]


def outputs_of(plan: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs that the plan changes."""
    changes = plan.get("output_changes", {})
    return {name: change for name, change in changes.items() if change["actions"] not in NOTHING}


def action_of(change: dict[str, Any]) -> str:
    """Return the planned action of a resource."""
    actions = tuple(change["change"]["actions"])
    if actions == ("no-op",):
        return "move" if change.get("previous_address") else "import"
    return ACTIONS.get(actions, "/".join(actions))


def arguments(change: dict[str, Any]) -> list[str]:
    """Return the names of changed arguments; empty if the resource is created or destroyed."""
    before, after = change["change"].get("before") or {}, change["change"].get("after") or {}
    unknown = change["change"].get("after_unknown") or {}
    if not before or not (after or unknown):
        return []
    names = {*before, *after}
    differing = {name for name in names if before.get(name) != after.get(name)}
    return sorted(differing | {name for name, is_unknown in unknown.items() if is_unknown})


def code(text: str) -> str:
    """Return text as inline code, escaped for a Markdown table."""
    plain = "".join(char if char.isprintable() else "?" for char in text)
    return f"`{plain.replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def summary(plan: dict[str, Any], environment: str) -> str:
    """Return the plan as Markdown."""
    changes, outputs = changes_of(plan), outputs_of(plan)
    if not changes and not outputs:
        return f"### {environment}\n\nNothing changes.\n"
    counts = Counter(action_of(change) for change in changes)
    totals = ", ".join(f"{count} to {what}" for what, count in sorted(counts.items()))
    if outputs:
        totals += f"{', ' if totals else ''}{len(outputs)} of the outputs"
    lines = [f"### {environment}", "", f"{totals}.", ""]
    lost = counts["destroy"] + counts["replace"]
    if lost:
        lines += [f"**{lost} resources are destroyed or replaced.**", ""]
    if changes:
        lines += ["| | resource | arguments |", "| --- | --- | --- |"]
    order = sorted(
        changes, key=lambda change: (action_of(change) not in {"destroy", "replace"}, change["address"])
    )
    for change in order[:LONGEST_TABLE]:
        names = ", ".join(code(name) for name in arguments(change))
        lines.append(f"| {action_of(change)} | {code(change['address'])} | {names} |")
    if len(order) > LONGEST_TABLE:
        lines += ["", f"And {len(order) - LONGEST_TABLE} more."]
    return "\n".join(lines) + "\n"


def digest(plan: dict[str, Any]) -> str:
    """Return the SHA-256 of all changes, including values."""
    done = {
        "resources": sorted(changes_of(plan), key=lambda change: str(change["address"])),
        "outputs": outputs_of(plan),
    }
    text = json.dumps(done, sort_keys=True)
    if when := plan.get("timestamp"):
        text = text.replace(when, "when it was planned")  # plantimestamp() differs in each plan
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> int:
    """Print the summary, or the outputs of a step."""
    parser = argparse.ArgumentParser(description="Summarize the changes of a Terraform plan, without values.")
    parser.add_argument("plan", type=Path, help="output of `terraform show -json`")
    parser.add_argument("--environment", default="plan", help="name for the heading")
    parser.add_argument("--outputs", action="store_true", help="print changes=<count> and digest=<SHA-256>")
    options = parser.parse_args()
    try:
        plan = json.loads(options.plan.read_text(encoding="utf-8"))
        if "resource_changes" not in plan and "planned_values" not in plan:
            raise ValueError("not a Terraform plan")
    except (OSError, ValueError) as error:
        print(f"error: cannot read the plan {options.plan}: {error}", file=sys.stderr)
        print("try: terraform show -json PLAN > plan.json", file=sys.stderr)
        return 2
    if options.outputs:
        print(f"changes={len(changes_of(plan)) + len(outputs_of(plan))}\ndigest={digest(plan)}")
    else:
        print(summary(plan, options.environment), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())

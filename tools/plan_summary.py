"""Tell what a plan of Terraform changes: which resources and which of their arguments, and no values.

    terraform show -json plan > plan.json
    python3 tools/plan_summary.py plan.json --environment dev

What a pull request or a log shows must have no secret in it, and what is one is not always marked. With
--outputs it prints how many changes there are, and a digest of them with their values: a later plan that does
the same has the same digest. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

WORDS = {
    ("create",): "create",
    ("update",): "change",
    ("delete",): "destroy",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "let go",
}
NOTHING = (["no-op"], ["read"])
LONGEST_TABLE = 200


def changes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the resources that the plan does something to, moves and imports among them."""
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


def word(change: dict[str, Any]) -> str:
    """Return what is done to a resource."""
    actions = tuple(change["change"]["actions"])
    if actions == ("no-op",):
        return "move" if change.get("previous_address") else "import"
    return WORDS.get(actions, "/".join(actions))


def arguments(change: dict[str, Any]) -> list[str]:
    """Return the names of the arguments that differ, where a resource stays."""
    before, after = change["change"].get("before") or {}, change["change"].get("after") or {}
    unknown = change["change"].get("after_unknown") or {}
    if not before or not (after or unknown):
        return []
    names = {*before, *after}
    differing = {name for name in names if before.get(name) != after.get(name)}
    return sorted(differing | {name for name, is_unknown in unknown.items() if is_unknown})


def code(text: str) -> str:
    """Return text as it stands in a cell of a table, whatever is in it."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f"`{plain.replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def summary(plan: dict[str, Any], environment: str) -> str:
    """Return the plan as Markdown."""
    changes, outputs = changes_of(plan), outputs_of(plan)
    if not changes and not outputs:
        return f"### {environment}\n\nNothing changes.\n"
    counts = Counter(word(change) for change in changes)
    told = ", ".join(f"{count} to {what}" for what, count in sorted(counts.items()))
    if outputs:
        told += f"{', ' if told else ''}{len(outputs)} of the outputs"
    lines = [f"### {environment}", "", f"{told}.", ""]
    lost = counts["destroy"] + counts["replace"]
    if lost:
        lines += [f"**{lost} resources are lost or made anew.**", ""]
    if changes:
        lines += ["| | resource | arguments |", "| --- | --- | --- |"]
    order = sorted(
        changes, key=lambda change: (word(change) not in {"destroy", "replace"}, change["address"])
    )
    for change in order[:LONGEST_TABLE]:
        names = ", ".join(code(name) for name in arguments(change))
        lines.append(f"| {word(change)} | {code(change['address'])} | {names} |")
    if len(order) > LONGEST_TABLE:
        lines += ["", f"And {len(order) - LONGEST_TABLE} more."]
    return "\n".join(lines) + "\n"


def digest(plan: dict[str, Any]) -> str:
    """Return the SHA-256 of all that the plan does, values among it."""
    done = {
        "resources": sorted(changes_of(plan), key=lambda change: str(change["address"])),
        "outputs": outputs_of(plan),
    }
    text = json.dumps(done, sort_keys=True)
    if when := plan.get("timestamp"):
        text = text.replace(when, "when it was planned")  # plantimestamp() is another each time
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> int:
    """Print the summary, or the outputs of a step."""
    parser = argparse.ArgumentParser(description="Tell what a plan of Terraform changes, and no values.")
    parser.add_argument("plan", type=Path, help="what `terraform show -json` says of it")
    parser.add_argument("--environment", default="plan", help="its name, for the heading")
    parser.add_argument("--outputs", action="store_true", help="print changes=<count> and digest=<SHA-256>")
    given = parser.parse_args()
    try:
        plan = json.loads(given.plan.read_text(encoding="utf-8"))
        if "resource_changes" not in plan and "planned_values" not in plan:
            raise ValueError("it is no plan")
    except (OSError, ValueError) as error:
        print(f"error: cannot read the plan {given.plan}: {error}", file=sys.stderr)
        print("try: terraform show -json PLAN > plan.json", file=sys.stderr)
        return 2
    if given.outputs:
        print(f"changes={len(changes_of(plan)) + len(outputs_of(plan))}\ndigest={digest(plan)}")
    else:
        print(summary(plan, given.environment), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())

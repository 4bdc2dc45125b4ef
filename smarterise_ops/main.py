"""The console script; `--version` is handled before other modules are imported."""

from __future__ import annotations

import sys

from smarterise_ops import __version__
from smarterise_ops.streams import STDOUT_FAILED, fill_closed_descriptors, flush_at_exit, write_text

_OUTPUT_LOST = 3
"""The value of `ExitCode.UNDETERMINED`, not imported here."""
_CLI_MISSING = """\
error: the command line is not installed: module {name} not found
try: {command}"""


def main() -> int:
    """Run the command line and return its exit code."""
    fill_closed_descriptors()
    try:
        return _run(sys.argv[1:])
    finally:
        flush_at_exit()


def _run(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        return _print_version()
    try:
        from smarterise_ops.cli import run
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("smarterise"):
            raise
        from smarterise_ops.installation import install_command

        write_text(sys.stderr, _CLI_MISSING.format(name=missing.name, command=install_command("all")) + "\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return run(arguments)


def _print_version() -> int:
    errors: list[OSError] = []
    write_text(sys.stdout, f"smarterise-ops {__version__}\n", errors.append)
    if not errors:
        return 0
    write_text(sys.stderr, f"error: {STDOUT_FAILED}\nwhy: {errors[0].strerror}\n")
    return _OUTPUT_LOST


if __name__ == "__main__":
    sys.exit(main())

"""The console script. `--version` is answered before anything is loaded."""

from __future__ import annotations

import sys

from smarterise_ops import __version__

_CLI_MISSING = """\
error: the command line is not installed: there is no module {name}
try: pip install 'smarterise-ops[all]'"""


def main() -> int:
    """Run the command line and return its exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        sys.stdout.write(f"smarterise-ops {__version__}\n")
        return 0
    try:
        from smarterise_ops.cli import run
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("smarterise"):
            raise
        sys.stderr.write(_CLI_MISSING.format(name=missing.name) + "\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())

"""Install requirements.lock and the checkout into a virtual environment; `make` runs this.

    python3 tools/install.py VENV

Needs the standard library alone. The lock is the resolution: with `--no-deps` pip installs what it names and
resolves nothing. A failure ends with what failed, why, and what to do; exit code 2.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation")
BUILD_TOOL = "setuptools"
"""Build backends of packages that are published as source only; locked too, and installed first."""
SHOWN = 300
"""Maximum length of pip output in a message."""


@dataclass(frozen=True)
class Cause:
    """A known reason for which an installation fails.

    Attributes:
        pattern: Finds it in the output of pip or venv.
        why: The reason in one line.
        fix: What to do about it.
    """

    pattern: re.Pattern[str]
    why: str
    fix: str


def _cause(pattern: str, why: str, fix: str) -> Cause:
    return Cause(re.compile(pattern, re.IGNORECASE), why, fix)


CAUSES = (
    _cause(
        r"No space left on device|Errno 28\b|Disk quota exceeded",
        "the disk is full",
        "free about 1 GB where the checkout and TMPDIR are (df -h . ${TMPDIR:-/tmp}), then run make again",
    ),
    _cause(
        r"ensurepip is not available|No module named '?(ensurepip|venv|pip)\b",
        "this Python has no venv module or no pip",
        "on Debian: apt install python3-venv; elsewhere: make PYTHON=/path/to/python3.13",
    ),
    _cause(
        r"DO NOT MATCH THE HASHES",
        "a downloaded file is not the one that requirements.lock pins",
        "pip cache purge, then make again; if it fails again, the package index serves a changed file",
    ),
    _cause(
        r"ProxyError|Cannot connect to proxy|Tunnel connection failed|407 Proxy",
        "the proxy refused the connection or cannot be reached",
        "check HTTPS_PROXY and `pip config list`, then run make again",
    ),
    _cause(
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError",
        "the certificate of the package index is not trusted",
        "set PIP_CERT to the CA bundle of your network, then run make again",
    ),
    _cause(
        r"ConnectTimeoutError|ReadTimeoutError|NewConnectionError|Connection refused|Connection reset"
        r"|Name or service not known|name resolution|Network is unreachable|RemoteDisconnected",
        "the package index cannot be reached",
        "check the network and `pip config list`; without a network, download once with "
        "`pip download --no-deps --require-hashes -r requirements.lock -d wheels` elsewhere and run "
        "PIP_NO_INDEX=1 PIP_FIND_LINKS=wheels make",
    ),
    _cause(
        r"No matching distribution found",
        "the package index does not have a pinned release for this Python",
        "check `pip config list`: a mirror may be out of date, or PIP_NO_INDEX is set without PIP_FIND_LINKS",
    ),
    _cause(
        r"Permission denied|Errno 13\b|Read-only file system",
        "a file cannot be written",
        "check the owner of the checkout and of .venv, then run make again",
    ),
)
"""The first that matches is reported, so the order is from the specific to the general."""


class InstallFailed(Exception):
    """A step failed.

    Attributes:
        step: What was being done.
        output: What the program printed.
    """

    def __init__(self, step: str, output: str) -> None:
        super().__init__(step)
        self.step = step
        self.output = output


def explain(step: str, output: str) -> str:
    """Return the message for a failed step: error, why, what to do."""
    cause = next((cause for cause in CAUSES if cause.pattern.search(output)), None)
    detail = next(
        (line for line in reversed(output.splitlines()) if line.lstrip().lower().startswith("error")),
        "no reason was given",
    )
    detail = detail.strip()[:SHOWN]
    if cause is None:
        return f"error: {step} failed\nwhy: {detail}\ntry: the output above; then run make again"
    return f"error: {step} failed: {cause.why}\nwhy: {detail}\ntry: {cause.fix}"


def install(venv: Path, root: Path) -> None:
    """Create the virtual environment where there is no usable one, and install into it.

    Args:
        venv: The directory of the virtual environment.
        root: The checkout, with requirements.lock and pyproject.toml.

    Raises:
        InstallFailed: A step failed.
    """
    python = venv / "bin" / "python"
    if not _is_usable(python):
        _run(f"Creating {venv}", [sys.executable, "-m", "venv", "--clear", str(venv)])
    lock = root / "requirements.lock"
    print(f"Installing {lock.name} into {venv} (a minute or two) ...", file=sys.stderr, flush=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as first:
        first.write(entry_of(BUILD_TOOL, lock.read_text(encoding="utf-8")))
        first.flush()
        _run(f"Installing {BUILD_TOOL}", [str(python), *PIP, "--require-hashes", "-r", first.name])
    _run(f"Installing {lock.name}", [str(python), *PIP, "--require-hashes", "-r", str(lock)])
    _run("Installing the checkout", [str(python), *PIP, "-e", str(root)])


def entry_of(package: str, lock: str) -> str:
    """Return the lines of a package in the text of a lock, or nothing."""
    found = re.search(rf"^{re.escape(package)}==.*\n(?:[ \t].*\n?)*", lock, re.MULTILINE)
    return found[0] if found else ""


def _is_usable(python: Path) -> bool:
    check = f"import pip, sys; sys.exit(sys.version_info < {OLDEST})"
    try:
        return subprocess.run([python, "-c", check], check=False, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def _run(step: str, command: list[str]) -> None:
    """Run a program; its output goes to stderr line by line as it comes, and is kept."""
    kept: list[str] = []
    environment = os.environ | {"PIP_NO_INPUT": "1"}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        errors="backslashreplace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            kept.append(line)
            sys.stderr.write(line)
            sys.stderr.flush()
    if process.returncode != 0:
        raise InstallFailed(step, "".join(kept))


def main(arguments: list[str]) -> int:
    """Install into the directory named by the one argument; return the exit code."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        install(Path(arguments[0]), ROOT)
    except InstallFailed as failure:
        print(explain(failure.step, failure.output), file=sys.stderr)
        return 2
    except OSError as error:
        print(explain("Starting the installation", f"error: {error}"), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

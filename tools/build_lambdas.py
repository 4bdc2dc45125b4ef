"""Build the Lambda bundles build/lambdas/<function>.zip: sources with the packages they need.

The build is reproducible: versions and hashes come from requirements.lock, and the zip contains no build
time, host or user. boto3 is not included: the runtime provides it.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from smarterise_lambdas.bundle import source_files, zip_of
from smarterise_sdk.domain.stack.functions import FUNCTIONS, spec_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
RUNTIME = "3.13"
PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
NAMES = tuple(spec.name for spec in FUNCTIONS.values())

UPLOAD_LIMIT = 50 * 1024 * 1024
"""Maximum size of a zip for direct upload to Lambda."""

_LEFT_OUT_FOLDERS = frozenset({"__pycache__", "bin"})
_LEFT_OUT_FILES = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock"})


class BuildFailed(Exception):
    """A bundle could not be built; the message has cause and remedy."""


def main() -> int:
    """Build the requested bundles; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "functions", nargs="*", metavar="FUNCTION", help=f"of {', '.join(NAMES)}; default all"
    )
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="arm64")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "build" / "lambdas", help="default build/lambdas"
    )
    options = parser.parse_args()
    unknown = sorted(set(options.functions) - set(NAMES))
    if unknown:
        parser.error(f"there is no function {', '.join(unknown)}; there are {', '.join(NAMES)}")
    options.output.mkdir(parents=True, exist_ok=True)
    try:
        for function in options.functions or NAMES:
            bundle = built(function, PLATFORMS[options.architecture])
            target = options.output / f"{function}.zip"
            target.write_bytes(bundle)
            digest = hashlib.sha256(bundle).hexdigest()
            print(f"{digest}  {len(bundle) / 1e6:5.1f} MB  {target}")
    except BuildFailed as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    return 0


def built(function: str, platform: str) -> bytes:
    """Return the zip of a function for a platform.

    Raises:
        BuildFailed: If packages are not available, or the zip is too large.
    """
    with TemporaryDirectory() as folder:
        packages = Path(folder)
        _install(spec_of(function).requirements, packages, platform)
        bundle = zip_of({**dict(_packed(packages)), **source_files(function)})
    if len(bundle) > UPLOAD_LIMIT:
        raise BuildFailed(f"{function} has {len(bundle)} bytes; Lambda takes {UPLOAD_LIMIT} directly")
    return bundle


def _install(requirements: tuple[str, ...], target: Path, platform: str) -> None:
    uv = shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")
    if uv is None:
        raise BuildFailed("uv is not installed. Try: make .venv/.installed")
    # Not pip: its --platform matches exactly and selects older wheels or placeholders.
    command = [
        *(uv, "pip", "install", "--quiet", "--no-config", "--target", str(target)),
        *("--python-platform", platform, "--python-version", RUNTIME, "--only-binary", ":all:"),
        *("--constraints", str(LOCK), *requirements),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildFailed(f"uv could not install {', '.join(requirements)}:\n{done.stderr.strip()}")


def _packed(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        place = path.relative_to(folder)
        if path.is_file() and not _LEFT_OUT_FOLDERS & set(place.parts) and path.name not in _LEFT_OUT_FILES:
            yield place.as_posix(), path.read_bytes()


if __name__ == "__main__":
    sys.exit(main())

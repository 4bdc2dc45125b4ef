"""Builds the source zip of a function, reproducibly: the same sources give the same bytes.

Third-party packages are not included: the embedded stack has them installed, and `tools/build_lambdas.py`
adds them for AWS.
"""

from __future__ import annotations

import io
import zipfile
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

import smarterise_sdk.domain
from smarterise_sdk.domain.stack.functions import spec_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_FILE_MODE: Final = 0o100644 << 16
_UNIX: Final = 3
_LAMBDAS: Final = Path(__file__).parent
_SDK: Final = Path(smarterise_sdk.domain.__file__ or "").parents[1]


def source_zip(function: str) -> bytes:
    """Return the source zip of a function: its package, the shared package and the SDK's domain package.

    Args:
        function: Its deployed name, e.g. `site-config-manager`.

    Raises:
        KeyError: If there is no such function.
    """
    return zip_of(source_files(function))


def source_files(function: str) -> dict[str, bytes]:
    """Return the source files of a function by their path in the zip.

    Raises:
        KeyError: If there is no such function.
    """
    spec = spec_of(function)
    packages = {_LAMBDAS: ("shared", spec.package, *spec.folders), _SDK: ("domain",)}
    return {
        path.relative_to(root.parent).as_posix(): path.read_bytes()
        for root, folders in packages.items()
        for path in (root / "__init__.py", *chain.from_iterable(_files_of(root / name) for name in folders))
    }


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """Return a reproducible zip: files sorted by path, with a fixed timestamp."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.external_attr = _FILE_MODE
            entry.create_system = _UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path])
    return buffer.getvalue()


def _files_of(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in {".py", ".sql"})

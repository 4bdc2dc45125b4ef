"""A package index on disk: each package of the lock as a small wheel, with a newer release beside it."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NEWER = "9999.0"
ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^]]*\])?==(?P<version>[^\s;\\]+)(?P<marker>[^\\\n]*)"
)


def write_index(directory: Path, lock: str) -> str:
    """Write an index with the packages of a lock, and return the same lock with the hashes of those files.

    The wheels hold nothing but their metadata; what they require and which extras they have is that of the
    packages that are installed here.
    """
    lines = []
    for found in filter(None, map(ENTRY.match, lock.splitlines())):
        project = directory / re.sub(r"[-_.]+", "-", found["name"]).lower()
        project.mkdir(parents=True)
        files = [_wheel(project, found["name"], version) for version in (found["version"], NEWER)]
        links = "".join(f'<a href="{file.name}">{file.name}</a>\n' for file in files)
        (project / "index.html").write_text(f"<!DOCTYPE html><html><body>\n{links}</body></html>\n")
        digest = hashlib.sha256(files[0].read_bytes()).hexdigest()
        pinned = f"{found['name']}{found['extras'] or ''}=={found['version']}{found['marker'].rstrip()}"
        lines.append(f"{pinned} \\\n    --hash=sha256:{digest}\n")
    return "".join(lines)


def _wheel(directory: Path, name: str, version: str) -> Path:
    stem = f"{re.sub(r'[-_.]+', '_', name)}-{version}"
    described = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *_requirements(name)]
    info = f"{stem}.dist-info"
    content = {
        f"{info}/METADATA": "\n".join(described) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in content.items())
    file = directory / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in {**content, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return file


def _requirements(name: str) -> list[str]:
    try:
        installed = metadata(name)
    except PackageNotFoundError:  # for another platform or Python
        return []
    fields = ("Provides-Extra", "Requires-Dist")
    return [f"{field}: {value}" for field in fields for value in installed.get_all(field) or ()]


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()

"""What is in the wheel: the packages, the pictures of the documentation, the licence; nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
PACKAGES = [ROOT / package for package in WHEEL["packages"]]


def build(source: Path, target: Path, kind: str) -> Path:
    """Build a wheel or an sdist, without asking an index for anything."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", target],
        cwd=source,
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"SOURCE_DATE_EPOCH": "1767225600"},
    )
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def tracked(package: Path) -> set[str]:
    """Return the files of a package as they are in the wheel."""
    files = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(package.parent)) for path in files}


def test_the_wheel_has_the_packages_the_pictures_and_the_licence_alone(wheel: Path) -> None:
    info = "-".join(wheel.name.split("-")[:2])
    expected = set().union(*map(tracked, PACKAGES))
    expected |= {f"{info}.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    expected |= {f"{info}.dist-info/licenses/LICENSE"}
    expected |= {
        f"{info}.data/data/share/doc/smarterise-ops/images/{path.name}"
        for path in (ROOT / "docs" / "images").iterdir()
    }
    assert names(wheel) == expected


def test_every_package_is_marked_as_typed(wheel: Path) -> None:
    assert {f"{package.name}/py.typed" for package in PACKAGES} <= names(wheel)


def test_the_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = build(ROOT, tmp_path / "sdist", "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    rebuilt = build(source, tmp_path / "wheel", "wheel")
    assert rebuilt.name == wheel.name
    assert rebuilt.read_bytes() == wheel.read_bytes()

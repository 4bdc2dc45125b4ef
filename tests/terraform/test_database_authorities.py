"""The layer that tells functions who vouches for the database."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TOOL = Path(__file__).parents[2] / "tools" / "build_database_authorities.py"


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("build_database_authorities", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def authority(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 7, now, now + timedelta(days=1))
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return certificate.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_it_holds_the_authorities_of_rds_and_amazons_public_ones(tool: Any) -> None:
    bundle = authority("Amazon RDS eu-west-1 Root CA RSA2048 G1") + authority("Amazon RDS eu-west-2 Root CA")
    with zipfile.ZipFile(io.BytesIO(tool.layer_of(bundle))) as layer:
        assert layer.namelist() == ["rds/authorities.pem"]
        text = layer.read("rds/authorities.pem").decode()
    names = [name for name, _ in tool._by_name(text)]
    assert {name for name in names if name.startswith("Amazon RDS")} == {
        "Amazon RDS eu-west-1 Root CA RSA2048 G1",
        "Amazon RDS eu-west-2 Root CA",
    }
    assert {f"Amazon Root CA {number}" for number in (1, 2, 3, 4)} <= set(names)
    assert len(names) == 7


def test_the_same_bundle_gives_the_same_bytes(tool: Any) -> None:
    first, second = authority("Amazon RDS a Root CA"), authority("Amazon RDS b Root CA")
    assert tool.layer_of(first + second) == tool.layer_of(second + first)


@pytest.mark.parametrize("bundle", [b"", b"<html>a captive portal</html>", "§".encode()])
def test_what_is_no_bundle_is_refused(tool: Any, bundle: bytes) -> None:
    with pytest.raises(tool.BuildFailed, match="contains no"):
        tool.layer_of(bundle)


def test_strangers_are_refused(tool: Any) -> None:
    bundle = authority("Amazon RDS eu-west-1 Root CA") + authority("Somebody Else")
    with pytest.raises(tool.BuildFailed, match="it contains Somebody Else"):
        tool.layer_of(bundle)

"""Build build/lambdas/database-authorities.zip: a Lambda layer with the authorities of RDS and RDS Proxy.

An instance has a certificate of an RDS authority, a proxy one of a public Amazon authority. The former are
downloaded from the AWS trust store, the latter are in botocore. Only root certificates are included.
"""

from __future__ import annotations

import argparse
import ssl
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

import botocore

from smarterise_lambdas.bundle import zip_of

ROOT = Path(__file__).resolve().parent.parent
TRUST_STORE = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
INSIDE = "rds/authorities.pem"
TIMEOUT_S = 30
_PUBLIC = ("Amazon Root CA ", "Starfield Services Root Certificate Authority - G2")
_RDS = "Amazon RDS "


class BuildFailed(Exception):
    """The layer could not be built; the message has cause and remedy."""


def main() -> int:
    """Build the layer; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, help=f"a copy of {TRUST_STORE}, if it is unreachable")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "build" / "lambdas", help="default build/lambdas"
    )
    options = parser.parse_args()
    try:
        layer = layer_of(options.bundle.read_bytes() if options.bundle else fetched())
    except (BuildFailed, OSError) as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    options.output.mkdir(parents=True, exist_ok=True)
    target = options.output / "database-authorities.zip"
    target.write_bytes(layer)
    print(f"{len(layer) / 1e6:5.1f} MB  {target}")
    return 0


def fetched() -> bytes:
    """Return the AWS bundle of RDS authorities.

    Raises:
        BuildFailed: If the trust store is unreachable.
    """
    try:
        with urllib.request.urlopen(TRUST_STORE, timeout=TIMEOUT_S) as response:
            return bytes(response.read())
    except (URLError, TimeoutError) as error:
        raise BuildFailed(
            f"{TRUST_STORE} is unreachable ({error}). Fix: download it elsewhere, then"
            f" python tools/{Path(__file__).name} --bundle FILE"
        ) from error


def layer_of(bundle: bytes) -> bytes:
    """Return the layer's zip, reproducible from the same authorities.

    Args:
        bundle: Certificates of RDS's authorities, PEM.

    Raises:
        BuildFailed: If there are no certificates, or others among them.
    """
    try:
        authorities = _by_name(bundle.decode("ascii"))
    except (ValueError, ssl.SSLError) as error:
        raise BuildFailed(f"the bundle contains no certificates: {error}") from error
    strangers = sorted({name for name, _ in authorities if not name.startswith(_RDS)})
    if strangers or not authorities:
        found = ", ".join(strangers) or "none"
        raise BuildFailed(f"the bundle must contain only RDS authorities; it contains {found}")
    carried = _by_name(Path(botocore.__file__).with_name("cacert.pem").read_text("utf-8"))
    public = [(name, der) for name, der in carried if name.startswith(_PUBLIC)]
    text = "".join(ssl.DER_cert_to_PEM_cert(der) for _, der in sorted({*authorities, *public}))
    return zip_of({INSIDE: text.encode()})


def _by_name(pem: str) -> list[tuple[str, bytes]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    subjects: list[Any] = [certificate["subject"] for certificate in context.get_ca_certs()]
    names = [dict(part for parts in each for part in parts).get("commonName", "") for each in subjects]
    return list(zip(names, context.get_ca_certs(binary_form=True), strict=True))


if __name__ == "__main__":
    sys.exit(main())

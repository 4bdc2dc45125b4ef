"""Serial numbers of gateways."""

from __future__ import annotations

import re

GATEWAY_SERIAL = re.compile(r"[A-Za-z0-9]{3,64}\Z")
"""Letters of either case and digits, as on the gateway's plate (`ehm21120333`, `AN54101471`)."""

"""Serial numbers of gateways."""

from __future__ import annotations

import re

GATEWAY_SERIAL = re.compile(r"[A-Za-z0-9]{3,64}\Z")
"""3 to 64 letters and digits, as printed on the gateway (`ehm21120333`, `AN54101471`)."""

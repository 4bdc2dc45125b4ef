"""JSON in and out, and gzip, at the speed of the stream.

It takes and refuses what the standard library does; and bytes depend on the input alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
from isal import igzip

from smarterise_sdk.domain.readings.mqtt import load_json

if TYPE_CHECKING:
    from collections.abc import Mapping


def load(payload: bytes) -> Any:
    """Return what JSON text in UTF-8 says, with or without a byte order mark.

    An integer beyond 64 bits is read as the nearest float.

    Raises:
        ValueError: If it is none.
        RecursionError: If it is nested too deep.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        # A byte order mark, NaN, a lone surrogate: the standard library takes more.
        return load_json(payload)


def dump_line(line: Mapping[str, Any]) -> bytes:
    """Return a line of JSON, with its end.

    Raises:
        TypeError: If there is something in it that JSON cannot say.
    """
    try:
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        # Lone surrogates, which UTF-8 cannot carry, and integers beyond 64 bits.
        text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return f"{text}\n".encode(errors="backslashreplace")


def compressed(data: bytes) -> bytes:
    """Return data as gzip has it, without the time.

    At a level that is tighter than zlib's fastest and takes a quarter of its time; zlib's own default would
    take longer than all else that is done with a message.
    """
    return igzip.compress(data, compresslevel=1, mtime=0)

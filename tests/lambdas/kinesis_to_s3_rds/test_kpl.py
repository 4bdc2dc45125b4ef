"""Aggregates of the Kinesis Producer Library: those of another library, any of our own, and broken ones."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_lambdas.kinesis_to_s3_rds.kpl import MAGIC, BadAggregate, Part, parts_of

# Made by aws-kinesis-agg 1.2.3: with hash keys, of the keys AN1, AN2, AN1.
THEIRS = bytes.fromhex(
    "f3899ac20a03414e310a03414e32121e3132333435363738393031323334353637383930313233343536373839301201351201371a0d"
    "080010001a077b2261223a317d1a0c080110011a0600ff00ff00ff1a06080010021a0036e08c5056119110b95e2b49a52b8bd2"
)
# And without, with a record whose length takes two bytes.
LONG = bytes.fromhex("f3899ac20a0a414e35343130313437311ab10208001aac02") + b"x" * 300
LONG += bytes.fromhex("deb746d6500be7d9c6d46464839389b4")


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def sealed(message: bytes) -> bytes:
    return MAGIC + message + hashlib.md5(message).digest()


def aggregate(*parts: Part, extra: bytes = b"") -> bytes:
    keys = sorted({part.partition_key for part in parts})
    records = [field(1, keys.index(part.partition_key)) + field(3, part.data) + extra for part in parts]
    message = b"".join([*(field(1, key.encode()) for key in keys), *(field(3, record) for record in records)])
    return sealed(message)


def test_those_that_another_library_made_are_read() -> None:
    assert parts_of(THEIRS) == (Part("AN1", b'{"a":1}'), Part("AN2", b"\x00\xff" * 3), Part("AN1", b""))
    assert parts_of(LONG) == (Part("AN54101471", b"x" * 300),)


@given(
    st.lists(st.builds(Part, st.text(st.characters(codec="utf-8"), max_size=200), st.binary(max_size=500)))
)
def test_what_goes_in_comes_out(parts: list[Part]) -> None:
    assert parts_of(aggregate(*parts)) == tuple(parts)


def test_unknown_fields_are_ignored() -> None:
    tags = field(4, field(1, b"key") + field(2, b"value"))
    odd = field(9, 300) + varint(10 << 3 | 1) + b"12345678" + varint(11 << 3 | 5) + b"1234"
    assert parts_of(aggregate(Part("AN1", b"x"), extra=tags + odd)) == (Part("AN1", b"x"),)


@given(st.binary())
def test_what_does_not_claim_to_be_one_is_none(payload: bytes) -> None:
    if not payload.startswith(MAGIC):
        assert parts_of(payload) is None


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (THEIRS[:-1], "checksum"),
        (THEIRS[:30], "checksum"),
        (MAGIC, "checksum"),
        (THEIRS[:40] + b"?" + THEIRS[41:], "checksum"),
        (sealed(field(3, field(1, 0) + field(3, b"x"))), "partition key index beyond"),
        (sealed(field(1, b"k") + field(3, field(1, 7) + field(3, b"x"))), "partition key index beyond"),
        (sealed(field(1, b"k") + field(3, field(3, b"x"))), "no partition key or no data"),
        (sealed(field(1, b"k") + field(3, field(1, 0))), "no partition key or no data"),
        (sealed(field(1, 5)), "number instead of bytes"),
        (sealed(field(1, b"k")[:-1]), "longer than the rest"),
        (sealed(b"\x0b"), "unknown wire type 3"),
        (sealed(b"\x80"), "not terminated"),
        (sealed(b"\x80" * 11), "not terminated"),
    ],
)
def test_one_that_is_broken_says_how(payload: bytes, why: str) -> None:
    with pytest.raises(BadAggregate, match=why):
        parts_of(payload)


@given(st.binary(max_size=60))
def test_a_sealed_message_of_anything_is_read_or_refused(message: bytes) -> None:
    with suppress(BadAggregate):
        parts_of(sealed(message))

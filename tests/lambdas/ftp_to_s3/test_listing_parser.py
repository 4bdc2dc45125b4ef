"""Tests of the listing parser."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_lambdas.ftp_to_s3.listing_parser import bytes_of, parse_list, parse_mlsd, text_of


def test_mlsd_is_read_by_its_facts_in_any_order_and_case() -> None:
    response = (
        b"Type=cdir;Modify=20250101000000; /\r\n"
        b"type=pdir; ..\r\n"
        b"TYPE=dir;modify=20250320080000; AN54101471\r\n"
        b"Size=17;MODIFY=20250320080001.250;perm=r;Type=file; a  b .csv\r\n"
        b" no facts.csv\r\n"
        b"type=OS.unix=slink:/x;size=3; link.csv\r\n"
        b"type=file;size=huge;modify=20251320080001; odd.csv\r\n"
    )
    listing = parse_mlsd(response, "there")
    assert listing.folders == ("AN54101471",)
    assert [(file.name, file.size, file.modified) for file in listing.files] == [
        ("a  b .csv", 17, "20250320080001.250"),
        ("no facts.csv", None, ""),
        ("odd.csv", None, "20251320080001"),
    ]
    assert listing.files[0].modified_at == datetime(2025, 3, 20, 8, 0, 1, tzinfo=UTC)
    assert listing.files[2].modified_at is None
    assert listing.files[0].path == "there/a  b .csv"
    assert listing.unusable == ()


@pytest.mark.parametrize(
    ("line", "name", "size"),
    [
        (b"-rw-r--r--   1 ftp  ftp      1024 Mar 20 08:00 a.csv", "a.csv", 1024),
        (b"-rw-r--r--   1 ftp  ftp      1024 Mar 20  2024 two  blanks.csv", "two  blanks.csv", 1024),
        (b"-rw-rw-rw-+  1 0    some group? 0 Mar  1 08:00 a", None, None),
        (b"-rwxr-xr-x   1 ftp          12345 Mar 20 08:00  leading.csv", " leading.csv", 12345),
        (b"-rw-r--r--   1 1000 1000 7 2025-03-20 08:00 iso.csv", "iso.csv", 7),
        (b"-rw-r--r--   1 1000 1000 7 20 Mar 08:00 day first.csv", "day first.csv", 7),
        (b"03-20-25  08:00AM                  512 win dows.csv", "win dows.csv", 512),
        (b"03-20-2025  18:00                  512 w.csv", "w.csv", 512),
        (b"garbage", None, None),
    ],
)
def test_list_is_read_as_unix_and_windows_write_it(line: bytes, name: str | None, size: int | None) -> None:
    listing = parse_list(b"total 12\r\n" + line + b"\r\n", "")
    if name is None:
        assert (listing.files, len(listing.unusable)) == ((), 1)
    else:
        assert [(file.name, file.size, file.modified_at) for file in listing.files] == [(name, size, None)]
        assert listing.files[0].modified


def test_folders_of_list_are_folders_and_links_are_left() -> None:
    response = (
        b"drwxr-xr-x 2 ftp ftp 4096 Mar 20 08:00 AN54101471\n"
        b"drwxr-xr-x 2 ftp ftp 4096 Mar 20 08:00 .\n"
        b"lrwxrwxrwx 1 ftp ftp 4 Mar 20 08:00 x -> y\n"
        b"03-20-25  08:00AM       <DIR>          ehm21120333\n"
    )
    listing = parse_list(response, "")
    assert (listing.folders, listing.files, listing.unusable) == (("AN54101471", "ehm21120333"), (), ())


@given(st.binary(max_size=300))
def test_any_bytes_are_borne(response: bytes) -> None:
    for parse in (parse_mlsd, parse_list):
        for file in parse(response, "").files:
            assert not set(file.name) & set("\r\n\0/")


@given(st.binary(min_size=1, max_size=60).filter(lambda name: not set(name) & set(b"\r\n\0/")))
def test_every_name_that_can_be_asked_for_comes_back_byte_for_byte(name: bytes) -> None:
    (file,) = parse_mlsd(b"type=file;size=1; " + name + b"\r\n", "").files
    assert bytes_of(file.name) == name
    assert text_of(bytes_of(file.name)) == file.name

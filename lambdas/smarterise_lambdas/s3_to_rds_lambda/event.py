"""Parses the invocation event: an S3 event, or a request that names object keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

_S3: Final = "aws:s3"
_CREATED: Final = "ObjectCreated:"
_MAX_KEYS: Final = 1000


class BadRequest(ValueError):
    """The event is invalid; nothing was loaded."""


@dataclass(frozen=True, slots=True)
class ObjectRequest:
    """An object to load.

    Attributes:
        bucket: Bucket name.
        key: Object key, not URL-encoded.
        etag: Expected ETag; `None` for the current content.
        version_id: Version to load, in a bucket with versioning.
    """

    bucket: str
    key: str
    etag: str | None = None
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Objects to load in one invocation.

    Attributes:
        objects: The objects, without duplicates.
        reload: Whether files that are already loaded are loaded again.
    """

    objects: tuple[ObjectRequest, ...]
    reload: bool = False


def read_request(event: Any, default_bucket: str) -> Request:
    """Parse an S3 event or `{"action": "load", "keys": [...], "bucket"?, "reload"?}`.

    Records other than `ObjectCreated` and the S3 test event are ignored.

    Args:
        event: The Lambda event.
        default_bucket: Bucket of the keys, if the event names none.

    Raises:
        BadRequest: If the event is neither.
    """
    if not isinstance(event, dict):
        raise BadRequest(f"the event must be a JSON object, not {type(event).__name__}")
    if event.get("Event") == "s3:TestEvent":
        return Request(())
    if isinstance(event.get("Records"), list):
        found = [_parse_record(record) for record in event["Records"]]
        return Request(
            tuple(dict.fromkeys(object_request for object_request in found if object_request is not None))
        )
    if event.get("action") == "load":
        return _parse_load_action(event, default_bucket)
    keys = ", ".join(visible(str(key))[:40] for key in list(event)[:8])
    raise BadRequest(f"the event is neither an S3 event nor the action load; its keys: {keys or 'none'}")


def _parse_record(record: Any) -> ObjectRequest | None:
    try:
        if record["eventSource"] != _S3:
            raise BadRequest(f"a record of {visible(str(record['eventSource']))[:40]}, not of {_S3}")
        if not str(record["eventName"]).removeprefix("s3:").startswith(_CREATED):
            return None
        bucket, entry = record["s3"]["bucket"]["name"], record["s3"]["object"]
        etag, version_id = entry.get("eTag"), entry.get("versionId")
        return ObjectRequest(
            bucket=str(bucket),
            key=unquote_plus(str(entry["key"])),
            etag=f'"{str(etag).strip(chr(34))}"' if etag else None,
            version_id=str(version_id) if version_id else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest(f"invalid S3 event record: {error!r} is missing or has the wrong type") from error


def _parse_load_action(event: Mapping[str, Any], default_bucket: str) -> Request:
    keys, bucket, reload = event.get("keys"), event.get("bucket", default_bucket), event.get("reload", False)
    if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
        raise BadRequest("keys must be a list of object keys")
    if len(keys) > _MAX_KEYS:
        raise BadRequest(f"{len(keys)} keys; the maximum is {_MAX_KEYS}")
    if not isinstance(bucket, str) or not isinstance(reload, bool):
        raise BadRequest("bucket must be a string, and reload true or false")
    return Request(tuple(ObjectRequest(bucket, key) for key in dict.fromkeys(keys)), reload)

"""Which objects an invocation is about: those of an S3 event, or those that somebody names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

_S3: Final = "aws:s3"
_CREATED: Final = "ObjectCreated:"
_KEYS_AT_MOST: Final = 1000


class BadRequest(ValueError):
    """An event that is none of ours: nothing was done."""


@dataclass(frozen=True, slots=True)
class ObjectRequest:
    """An object that is to be loaded.

    Attributes:
        bucket: Where it is.
        key: As S3 knows it, not URL-encoded.
        etag: Which content; `None` for what is there now.
        version_id: Which version, where the bucket keeps versions.
    """

    bucket: str
    key: str
    etag: str | None = None
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What an invocation is to do.

    Attributes:
        objects: To be loaded, each once.
        reload: Load what has been loaded already too: somebody asked for it.
    """

    objects: tuple[ObjectRequest, ...]
    reload: bool = False


def read_request(event: Any, default_bucket: str) -> Request:
    """Return what an event asks for.

    Either an S3 event, of any number of records, or `{"action": "load", "keys": [...], "bucket"?,
    "reload"?}`.
    Records that tell of no new object are passed over; so is S3's own test.

    Args:
        event: As Lambda hands it over.
        default_bucket: Where keys are, if the event does not say.

    Raises:
        BadRequest: If it is neither.
    """
    if not isinstance(event, dict):
        raise BadRequest(f"an object is expected, not {type(event).__name__}")
    if event.get("Event") == "s3:TestEvent":
        return Request(())
    if isinstance(event.get("Records"), list):
        found = [_wanted(record) for record in event["Records"]]
        return Request(
            tuple(dict.fromkeys(object_request for object_request in found if object_request is not None))
        )
    if event.get("action") == "load":
        return _direct(event, default_bucket)
    keys = ", ".join(visible(str(key))[:40] for key in list(event)[:8])
    raise BadRequest(f"neither an S3 event nor the action load; its keys: {keys or 'none'}")


def _wanted(record: Any) -> ObjectRequest | None:
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
        raise BadRequest(
            f"a record that is no S3 event's: {error!r} is missing or of another kind"
        ) from error


def _direct(event: Mapping[str, Any], default_bucket: str) -> Request:
    keys, bucket, reload = event.get("keys"), event.get("bucket", default_bucket), event.get("reload", False)
    if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
        raise BadRequest("keys must be a list of object keys")
    if len(keys) > _KEYS_AT_MOST:
        raise BadRequest(f"{len(keys)} keys; at most {_KEYS_AT_MOST} are taken")
    if not isinstance(bucket, str) or not isinstance(reload, bool):
        raise BadRequest("bucket must be a text, and again true or false")
    return Request(tuple(ObjectRequest(bucket, key) for key in dict.fromkeys(keys)), reload)

"""Both roads to the site file, and which one to take when the usual one is too narrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.sites.plans import WritePath
from smarterise_sdk.errors import SmarteriseError
from smarterise_sdk.services.sites.file import TOO_LARGE
from smarterise_sdk.services.sites.lambda_transport import LambdaTransport
from smarterise_sdk.services.sites.s3_transport import S3Transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.domain.stack.names import StackNames
    from smarterise_sdk.services.sites.file import SiteFile, Transport

FILE_TOO_LARGE: Final = "the file is larger than an invocation can answer with, so it goes straight to S3"
CHANGE_TOO_LARGE: Final = "the change is larger than an invocation can carry, so it goes straight to S3"


@dataclass(frozen=True, slots=True)
class FileRead:
    """The site file and the road it came by; the note says why it is not the one asked for."""

    file: SiteFile
    transport: Transport
    note: str = ""


class SiteTransports:
    """The roads to the site file.

    Args:
        broker: The door to AWS.
        names: What things are called.
        now: The clock, UTC, for the stamp of what goes straight to S3.
    """

    def __init__(self, broker: Broker, names: StackNames, *, now: Callable[[], datetime] = utc_now) -> None:
        self.function = LambdaTransport(broker, names)
        self.s3 = S3Transport(broker, names, now=now)

    def of(self, via: WritePath) -> Transport:
        """Return a road by its name."""
        return self.function if via == WritePath.LAMBDA else self.s3

    def other(self, via: WritePath) -> Transport:
        """Return the road that a write by the named one is read back by."""
        return self.s3 if via == WritePath.LAMBDA else self.function

    def read(self, via: WritePath, *, with_schedules: bool = False) -> FileRead:
        """Return the current file, straight from S3 where it is too large for the function.

        Raises:
            SmarteriseError: It could not be had.
        """
        transport = self.of(via)
        try:
            return FileRead(transport.read(with_schedules=with_schedules), transport)
        except SmarteriseError as error:
            if transport is self.s3 or not is_too_large(error):
                raise
        return FileRead(self.s3.read(), self.s3, FILE_TOO_LARGE)

    def version(self, via: WritePath, version_id: str) -> SiteFile:
        """Return one version of the file, straight from S3 where it is too large for the function.

        Raises:
            SmarteriseError: It could not be had.
        """
        try:
            return self.of(via).version(version_id)
        except SmarteriseError as error:
            if via == WritePath.S3 or not is_too_large(error):
                raise
        return self.s3.version(version_id)


def is_too_large(error: SmarteriseError) -> bool:
    """Whether a road was too narrow: the other one may do."""
    return error.code == TOO_LARGE

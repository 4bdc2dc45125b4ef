"""The site file's store against a faulty S3 endpoint."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ResponseStreamingError

from smarterise_lambdas.site_config_manager.writer import ConfigStore

if TYPE_CHECKING:
    from collections.abc import Iterator


class CutShort(BaseHTTPRequestHandler):
    """Promises 1000 bytes, sends a whole JSON object of fewer, and hangs up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.send_header("ETag", '"cut"')
        self.end_headers()
        self.wfile.write(b'{"sites": {}}')

    def log_message(self, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def cutting_endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), CutShort)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_truncated_body_is_an_error(cutting_endpoint: str) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=cutting_endpoint,
        region_name="eu-west-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    with pytest.raises(ResponseStreamingError):
        ConfigStore(s3, "bucket", "site-tiers.json").current()

"""The letters of a stack, as the emulator keeps them: in order, whole, and told when there is no response."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from smarterise_ops.commands import local
from smarterise_ops.context import invocation
from smarterise_ops.local.client import RunningStack
from smarterise_ops.local.emulator.sent_emails import sent_emails
from smarterise_ops.local.servers.processes import ProcessIdentity
from smarterise_ops.local.state import Phase, StackState
from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def kept(at: float, subject: str, text: str) -> dict[str, object]:
    return {"Timestamp": at, "Source": "a@b", "To": ["c@d", "e@f"], "Subject": subject, "BodyText": text}


MESSAGES = {"1": [kept(60.0, "later", "one\ntwo\x1b[31m\n")], "2": [kept(0.0, "sooner\x07", "three")]}


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Answer as the emulator does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"messages": MESSAGES}).encode()
            self.send_response(200 if self.path == "/_ministack/ses/messages" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_oldest_comes_first(endpoint: str) -> None:
    sooner, later = sent_emails(endpoint)
    assert (sooner.at, later.at) == ("1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z")
    assert later.to_row() == {
        "at": "1970-01-01T00:01:00Z",
        "sender": "a@b",
        "to": ["c@d", "e@f"],
        "subject": "later",
        "text": "one\ntwo\x1b[31m\n",
    }


def test_letters_are_shown_whole_and_can_do_nothing_to_a_terminal(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = StackState(
        "s", tmp_path, Phase.READY, ProcessIdentity(1, ""), exports={"AWS_ENDPOINT_URL": endpoint}
    )
    monkeypatch.setattr(local, "_running", lambda _: RunningStack(state))
    with invocation(["local", "emails"]):
        local.emails(tmp_path)
    shown = capsys.readouterr().out
    assert shown.startswith("1970-01-01T00:00:00Z  to c@d, e@f\nsooner")
    assert "\none\ntwo" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_an_endpoint_that_is_gone_is_told() -> None:
    with pytest.raises(LocalStackError, match="cannot be read") as refused:
        sent_emails("http://127.0.0.1:1")
    assert "local status" in refused.value.remedy

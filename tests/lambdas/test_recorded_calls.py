"""AWS calls of a function that are not recorded are detected."""

from __future__ import annotations

from typing import Any

import pytest

from smarterise_lambdas.shared import clients


@pytest.fixture
def recorder(request: pytest.FixtureRequest) -> Any:
    """The plugin that records each call."""
    return request.config.pluginmanager.get_plugin("record_calls")


def test_an_unrecorded_call_is_reported(
    recorder: Any, file: Any, invoke: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(file.sample)
    monkeypatch.setitem(recorder.known, "site-config-manager", {"s3:PutObject"})
    assert invoke("list_sites")["ok"]
    assert recorder.unknown == {"site-config-manager calls s3:GetObject"}
    recorder.unknown.clear()


def test_calls_of_the_test_itself_are_ignored(recorder: Any, bucket: str) -> None:
    clients.s3().get_bucket_location(Bucket=bucket)
    assert recorder.unknown == set()
    assert not [call for calls in recorder.made.values() for call in calls if "GetBucketLocation" in call]

"""What a function calls of AWS and nobody recorded does not go unseen."""

from __future__ import annotations

from typing import Any

import pytest

from smarterise_lambdas.shared import clients


@pytest.fixture
def recorder(request: pytest.FixtureRequest) -> Any:
    """The plugin that looks at each call."""
    return request.config.pluginmanager.get_plugin("record_calls")


def test_a_call_that_is_not_recorded_is_told(
    recorder: Any, file: Any, invoke: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.upload(file.sample)
    monkeypatch.setitem(recorder.known, "site-config-manager", {"s3:PutObject"})
    assert invoke("list_sites")["ok"]
    assert recorder.unknown == {"site-config-manager calls s3:GetObject"}
    recorder.unknown.clear()


def test_what_a_test_calls_itself_is_no_functions_call(recorder: Any, bucket: str) -> None:
    clients.s3().get_bucket_location(Bucket=bucket)
    assert recorder.unknown == set()
    assert not [call for calls in recorder.made.values() for call in calls if "GetBucketLocation" in call]

"""A cloud whose package is not installed says so at the start, unless it needs none."""

import sys
from typing import Any

import pytest

from tanzaku.core import SystemClock, UserError
from tanzaku.gateway.upstreams import UpstreamSettings, build_bedrock, build_vertex
from tanzaku.transport import HttpClient


@pytest.mark.parametrize(
    ("kind", "build", "package", "module", "extra"),
    [
        ("bedrock", build_bedrock, "botocore.auth", "_aws_signing", "tanzaku[bedrock]"),
        ("vertex", build_vertex, "google.auth", "_google_tokens", "tanzaku[vertex]"),
    ],
)
def test_a_missing_package_is_named_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
    build: Any,
    package: str,
    module: str,
    extra: str,
) -> None:
    monkeypatch.delitem(sys.modules, f"tanzaku.gateway.upstreams.{module}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    client = HttpClient(clock=SystemClock())
    with pytest.raises(UserError, match="needs the package") as caught:
        build(UpstreamSettings("far", kind, region="r", project="p"), client)
    assert extra in caught.value.hint
    assert build(UpstreamSettings("far", kind, region="r", project="p", keys=("k",)), client)

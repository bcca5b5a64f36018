"""The SDK's own cloud clients, unmodified, on the simulator; botocore reads the frames."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AnthropicBedrock, AnthropicVertex
from anthropic.lib.bedrock import AnthropicBedrockMantle
from anthropic.lib.foundry import AnthropicFoundry

from tanzaku.core import SystemClock
from tanzaku.simulator import Simulator
from tanzaku.transport import ThreadedServer, serve

HAIKU = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
OPUS = "us.anthropic.claude-opus-5-5"
OLD = {"anthropic_version": "bedrock-2023-05-31"}
ASK: Any = {"max_tokens": 60, "messages": [{"role": "user", "content": "Hello"}]}
TOOL: Any = {
    "name": "track_parcel",
    "description": "Track a parcel",
    "input_schema": {
        "type": "object",
        "properties": {"number": {"type": "string"}},
        "required": ["number"],
    },
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    simulator = Simulator(clock=SystemClock())
    with ThreadedServer(lambda: serve(simulator, max_body_bytes=1 << 25)) as running:
        yield running.url


@pytest.fixture
def bedrock(url: str) -> Iterator[AnthropicBedrock]:
    with AnthropicBedrock(
        aws_access_key="AKIDDUMMY",
        aws_secret_key="d",
        aws_region="us-east-1",
        base_url=url,
        max_retries=0,
    ) as client:
        yield client


@pytest.fixture
def vertex(url: str) -> Iterator[AnthropicVertex]:
    with AnthropicVertex(
        project_id="p",
        region="us-east5",
        access_token="dummy",
        base_url=f"{url}/v1",
        max_retries=0,
    ) as client:
        yield client


@pytest.mark.fidelity(
    "clouds",
    "Bedrock InvokeModel: AnthropicBedrock runs unmodified",
    "documented",
    "SDK lib/bedrock",
)
def test_bedrock_answers_whole(bedrock: AnthropicBedrock, url: str) -> None:
    raw = bedrock.messages.with_raw_response.create(model=HAIKU, extra_body=OLD, **ASK)
    message = raw.parse()
    with anthropic.Anthropic(api_key="k", base_url=url) as client:
        direct = client.messages.create(model="claude-haiku-4-5", **ASK)
    assert message.model == "claude-haiku-4-5-20251001"
    assert message.content == direct.content
    assert raw.headers["x-amzn-bedrock-input-token-count"] == str(message.usage.input_tokens)
    assert raw.headers["x-amzn-bedrock-output-token-count"] == str(message.usage.output_tokens)


@pytest.mark.fidelity(
    "clouds",
    "Bedrock's response stream: event-stream frames that botocore reads",
    "exact",
    "botocore EventStreamBuffer",
)
def test_bedrock_streams_in_frames_that_botocore_reads(bedrock: AnthropicBedrock) -> None:
    ask = ASK | {"messages": [{"role": "user", "content": "Where is parcel SF1234567890?"}]}
    with bedrock.messages.stream(model=HAIKU, tools=[TOOL], extra_body=OLD, **ask) as stream:
        events = [event.type for event in stream]
        message = stream.get_final_message()
    whole = bedrock.messages.create(model=HAIKU, tools=[TOOL], extra_body=OLD, **ask)
    assert events[0] == "message_start"
    assert events[-1] == "message_stop"
    (used,) = [block for block in message.content if block.type == "tool_use"]
    assert used.input == {"number": "SF1234567890"}
    assert (message.stop_reason, message.usage.output_tokens) == (
        "tool_use",
        whole.usage.output_tokens,
    )


def test_bedrock_keys_work_as_bearer_tokens(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-key")
    with AnthropicBedrock(aws_region="us-east-1", base_url=url, max_retries=0) as client:
        message = client.messages.create(model=OPUS, **ASK)
    assert message.stop_reason in {"end_turn", "max_tokens"}


@pytest.mark.parametrize(
    ("model", "body", "text"),
    [
        (
            "anthropic.claude-haiku-4-5-20251001-v1:0",
            OLD,
            "with on-demand throughput isn’t supported",
        ),
        ("claude-haiku-4-5", OLD, "The provided model identifier is invalid."),
        ("us.claude-haiku-4-5", OLD, "The provided model identifier is invalid."),
        (HAIKU, {}, "anthropic_version: 2026-10-21 is not supported"),
        (HAIKU, {"anthropic_version": "2023-06-01"}, "anthropic_version: 2023-06-01"),
        (HAIKU, OLD | {"nonsense": 1}, "nonsense: Extra inputs are not permitted"),
        (HAIKU, OLD | {"anthropic_beta": "x"}, "anthropic_beta: Input should be a valid list"),
    ],
    ids=[
        "bare id",
        "first-party id",
        "half an id",
        "new version",
        "api's version",
        "extra",
        "beta",
    ],
)
@pytest.mark.fidelity(
    "clouds",
    "Bedrock's traps: a bare id, the October version on Haiku 4.5",
    "documented",
    "wire notes 6.2; texts but the first are guesses",
)
def test_bedrock_refuses_what_bedrock_refuses(
    bedrock: AnthropicBedrock, model: str, body: dict[str, Any], text: str
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        bedrock.messages.create(model=model, extra_body=body, **ASK)
    assert text in caught.value.body["message"]  # type: ignore[index]
    assert caught.value.response.headers["x-amzn-errortype"] == "ValidationException"


def test_the_october_version_is_taken_from_claude_4_7_on(bedrock: AnthropicBedrock) -> None:
    assert bedrock.messages.create(model=OPUS, **ASK).model == "claude-opus-5-5"
    with pytest.raises(anthropic.BadRequestError, match="temperature: Extra inputs"):
        bedrock.messages.create(model=OPUS, extra_body={"temperature": 1}, **ASK)


SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/bedrock/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
)


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "MissingAuthenticationTokenException"),
        ({"authorization": "AWS4-HMAC-SHA256 nonsense"}, "IncompleteSignatureException"),
        ({"authorization": SIGNED}, "IncompleteSignatureException"),
        (
            {"authorization": SIGNED, "x-amz-date": "20261123T000000Z"},
            "IncompleteSignatureException",
        ),
        (
            {
                "authorization": SIGNED.replace("/bedrock/", "/s3/"),
                "x-amz-date": "20261124T000000Z",
            },
            "InvalidSignatureException",
        ),
    ],
    ids=["nothing", "no signature", "no date", "another day", "another service"],
)
@pytest.mark.fidelity(
    "clouds", "AWS signatures are checked for presence and form", "documented", "AWS SigV4"
)
def test_a_request_to_aws_that_is_not_signed_is_refused(
    url: str, headers: dict[str, str], name: str
) -> None:
    response = httpx2.post(f"{url}/model/{HAIKU}/invoke", headers=headers, json={}, trust_env=False)
    assert response.status_code == 403
    assert response.headers["x-amzn-errortype"] == name
    assert response.json()["message"]


def test_the_messages_shaped_endpoint_of_bedrock(url: str) -> None:
    with AnthropicBedrockMantle(
        aws_access_key="AKIDDUMMY",
        aws_secret_key="d",
        aws_region="us-east-1",
        base_url=f"{url}/anthropic",
        max_retries=0,
    ) as client:
        message = client.messages.create(model="anthropic.claude-haiku-4-5", **ASK)
        assert message.model == "claude-haiku-4-5-20251001"
        with client.messages.stream(model="anthropic.claude-haiku-4-5", **ASK) as stream:
            assert stream.get_final_text() == message.content[0].text
        with pytest.raises(anthropic.NotFoundError):
            client.messages.create(model="claude-haiku-4-5", **ASK)


@pytest.mark.fidelity(
    "clouds",
    "Vertex rawPredict, streamRawPredict, count-tokens: AnthropicVertex runs unmodified",
    "documented",
    "SDK lib/vertex",
)
def test_vertex_answers_streams_and_counts(vertex: AnthropicVertex) -> None:
    model = "claude-haiku-4-5@20251001"
    message = vertex.messages.create(model=model, **ASK)
    with vertex.messages.stream(model=model, **ASK) as stream:
        assert stream.get_final_text() == message.content[0].text
    counted = vertex.messages.count_tokens(model=model, messages=ASK["messages"])
    assert counted.input_tokens == message.usage.input_tokens
    old = vertex.messages.create(
        model=model,
        extra_body={"anthropic_version": "vertex-2023-10-16", "temperature": 0.7},
        **ASK,
    )
    assert old.content == message.content


def test_vertex_wants_its_own_ids_and_a_token(vertex: AnthropicVertex, url: str) -> None:
    with pytest.raises(anthropic.NotFoundError, match="Publisher Model `projects/p/locations/"):
        vertex.messages.create(model="claude-haiku-4-5", **ASK)
    path = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-haiku-5-5:rawPredict"
    response = httpx2.post(url + path, json=ASK, trust_env=False)
    assert response.status_code == 401
    assert response.json()["error"]["status"] == "UNAUTHENTICATED"


def test_foundry_takes_its_key_under_its_own_name(url: str) -> None:
    base_url = f"{url}/anthropic"
    with AnthropicFoundry(api_key="fk", base_url=base_url, max_retries=0) as client:
        message = client.messages.create(model="claude-haiku-4-5", **ASK)
        assert message.content
        with pytest.raises(anthropic.NotFoundError):
            client.get("/v1/messages/batches", cast_to=object)


def test_bodies_of_the_clouds_hold_no_model_and_no_stream(bedrock: AnthropicBedrock) -> None:
    for field, value in (("model", "x"), ("stream", True)):
        with pytest.raises(anthropic.BadRequestError) as caught:
            bedrock.post(
                f"/model/{HAIKU}/invoke", body={**ASK, **OLD, field: value}, cast_to=object
            )
        assert json.loads(caught.value.response.content)["message"] == (
            f"{field}: Extra inputs are not permitted"
        )

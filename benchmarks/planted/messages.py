"""A Messages API in the shape of Claude's: blocks, tools, streams, a token count, models."""

import re
from array import array
from decimal import Decimal
from typing import Any, override

from benchmarks.planted import _checks as check
from benchmarks.planted._kernel import (
    Answer,
    Headers,
    Refused,
    Request,
    Service,
    answer_json,
    encode,
)

KEY = "key-messages-b21c"
MODELS = ("claude-haiku-4-5", "claude-haiku-4-5-20251001")
SAMPLING = ("max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "stream", "metadata")
SHARED = ("system", "tools", "tool_choice")
MEDIA = ("image/png", "image/jpeg")
TOOL = "[a-zA-Z0-9_-]{1,64}"
CALL = "toolu_[a-zA-Z0-9]{1,40}"
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
}


class Messages(Service):
    routes = (
        ("POST", "/v1/messages", "create_message"),
        ("POST", "/v1/messages/count_tokens", "count_tokens"),
        ("GET", "/v1/models", "list_models"),
        ("GET", "/v1/models/{model_id}", "get_model"),
    )

    @override
    def admit(self, operation: str, request: Request) -> None:
        if self.bug == "messages-count-without-key" and operation == "count_tokens":
            return
        if request.headers.get("x-api-key") != KEY:
            raise Refused(401, "", "x-api-key is missing or invalid.")

    @override
    def refuse(self, refused: Refused) -> Answer:
        error = {"type": TYPES[refused.status], "message": refused.message}
        told: dict[str, Any] = {"type": "error", "error": error, "request_id": "req_0001"}
        if self.bug == "messages-error-detail" and refused.status == 400:
            told = {"detail": [{"loc": ["body", refused.field], "msg": refused.message}]}
        return answer_json(refused.status, told, *self._label(), *refused.headers)

    def _label(self, *, is_stream: bool = False) -> Headers:
        if self.bug == "messages-stream-unlabelled" and is_stream:
            return ()
        return (("request-id", "req_0001"),)

    def _check_version(self, request: Request) -> None:
        version = request.headers.get("anthropic-version")
        if self.bug == "messages-version-optional" and version is None:
            return
        check.take_choice(version, "anthropic-version", ("2023-06-01",))

    def list_models(self, request: Request) -> Answer:
        self._check_version(request)
        return answer_json(200, {"data": [_tell_model(model) for model in MODELS]}, *self._label())

    def get_model(self, request: Request) -> Answer:
        self._check_version(request)
        if request.values[0] not in MODELS:
            if self.bug == "messages-model-unknown-200":
                return answer_json(200, {"type": "error", "message": "no model"}, *self._label())
            raise Refused(404, "", "There is no such model.")
        return answer_json(200, _tell_model(request.values[0]), *self._label())

    def count_tokens(self, request: Request) -> Answer:
        self._check_version(request)
        body = check.take_object(check.read_json(request), "body", ("model", "messages"), SHARED)
        self._check_shared(body)
        if self.bug == "messages-count-emoji-crash":
            array("H", [ord(letter) for letter in str(body["messages"])])
        if self.bug == "messages-count-system-blocks" and isinstance(body.get("system"), list):
            raise check.invalid("system", "must be a string")
        return answer_json(200, {"input_tokens": _count(body)}, *self._label())

    def create_message(self, request: Request) -> Answer:
        self._check_version(request)
        body = check.take_object(
            check.read_json(request), "body", ("model", "messages", "max_tokens"), SHARED + SAMPLING
        )
        self._check_shared(body)
        low = 0 if self.bug == "messages-max-tokens-zero" else 1
        try:
            check.take_whole(body["max_tokens"], "max_tokens", low, 64_000)
        except Refused as refused:
            if self.bug != "messages-refusal-200":
                raise
            return Answer(200, self.refuse(refused).headers, self.refuse(refused).chunks)
        self._check_sampling(body)
        message = self._write(body)
        if body.get("stream", False):
            return self._stream(message)
        return answer_json(200, message, *self._label())

    def _check_sampling(self, body: dict[str, Any]) -> None:
        if "temperature" in body:
            high = 2 if self.bug == "messages-temperature-two" else 1
            check.take_number(body["temperature"], "temperature", 0, high)
        if "top_p" in body:
            check.take_number(body["top_p"], "top_p", 0, 1)
        if "top_k" in body:
            check.take_whole(body["top_k"], "top_k", 0, 500)
        if self.bug == "messages-both-zero-crash" and "temperature" in body and "top_k" in body:
            Decimal(1) / (body["temperature"] + body["top_k"])
        if "stop_sequences" in body:
            high = 5 if self.bug == "messages-five-stops" else 4
            for text in check.take_list(body["stop_sequences"], "stop_sequences", 0, high):
                check.take_text(text, "stop_sequences[]", 1, 40)
        if "stream" in body:
            if self.bug == "messages-stream-number" and body["stream"] in (0, 1):
                body["stream"] = bool(body["stream"])
            check.take_flag(body["stream"], "stream")
        if "metadata" in body:
            metadata = check.take_object(body["metadata"], "metadata", (), ("user_id",))
            if metadata.get("user_id") is not None:
                check.take_text(metadata["user_id"], "metadata.user_id", 0, 256)

    def _check_shared(self, body: dict[str, Any]) -> None:
        check.take_choice(body["model"], "model", MODELS)
        for message in check.take_list(body["messages"], "messages", 1, 50):
            self._check_message(message)
        if "system" in body and not isinstance(body["system"], str):
            for block in check.take_list(body["system"], "system", 1, 20):
                check.take_object(block, "system[]", ("type", "text"))
                check.take_choice(block["type"], "system[].type", ("text",))
                check.take_text(block["text"], "system[].text", 1)
        if "tools" in body:
            for tool in check.take_list(body["tools"], "tools", 1, 10):
                _check_tool(tool)
        if "tool_choice" in body:
            if "tools" not in body and self.bug != "messages-choice-without-tools":
                raise check.invalid("tool_choice", "needs tools")
            _check_tool_choice(body["tool_choice"])

    def _check_message(self, value: Any) -> None:
        message = check.take_object(value, "messages[]", ("role", "content"))
        roles = ("user", "assistant")
        if self.bug == "messages-role-unchecked":
            check.take_text(message["role"], "messages[].role")
        else:
            check.take_choice(message["role"], "messages[].role", roles)
        if isinstance(message["content"], str):
            check.take_text(message["content"], "messages[].content", 1)
            return
        for block in check.take_list(message["content"], "messages[].content", 1, 20):
            self._check_block(block)

    def _check_block(self, block: Any) -> None:
        if not isinstance(block, dict):
            raise check.invalid("content[]", "must be an object")
        match block.get("type"):
            case "text":
                check.take_object(block, "text", ("type", "text"))
                check.take_text(block["text"], "text.text", 1)
            case "image":
                check.take_object(block, "image", ("type", "source"))
                source = check.take_object(
                    block["source"], "source", ("type", "media_type", "data")
                )
                check.take_choice(source["type"], "source.type", ("base64",))
                check.take_choice(source["media_type"], "source.media_type", MEDIA)
                check.take_text(source["data"], "source.data", 1, 4000, "[A-Za-z0-9+/]+={0,2}")
            case "tool_use":
                check.take_object(block, "tool_use", ("type", "id", "name", "input"))
                check.take_text(block["id"], "tool_use.id", pattern=CALL)
                check.take_text(block["name"], "tool_use.name", pattern=TOOL)
                if not isinstance(block["input"], dict):
                    raise check.invalid("tool_use.input", "must be an object")
            case "tool_result":
                if self.bug == "messages-tool-result-crash":
                    raise NotImplementedError("tool_result")
                _check_tool_result(block)
            case kind:
                if self.bug == "messages-block-type-ignored" and "text" in block:
                    return
                raise check.invalid("content[].type", f"{str(kind)[:40]} is not known")

    def _write(self, body: dict[str, Any]) -> dict[str, Any]:
        choice = body.get("tool_choice", {"type": "auto"})
        content: list[dict[str, Any]] = [{"type": "text", "text": "春眠不觉晓，处处闻啼鸟。"}]
        if choice["type"] in ("any", "tool"):
            name = choice.get("name", body.get("tools", [{"name": "none"}])[0]["name"])
            given: object = {"city": "北京"}
            if self.bug == "messages-tool-input-text":
                given = '{"city": "北京"}'
            content.append({"type": "tool_use", "id": "toolu_0001", "name": name, "input": given})
        return {
            "id": "msg_0001",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": "tool_use" if len(content) > 1 else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": _count(body), "output_tokens": 12 * len(content)},
        }

    def _stream(self, message: dict[str, Any]) -> Answer:
        usage = message["usage"]
        first = usage | {"output_tokens": 20 if self.bug == "messages-stream-usage-falls" else 1}
        head = {"content": [], "stop_reason": None, "usage": first}
        events: list[dict[str, Any]] = [{"type": "message_start", "message": message | head}]
        if self.bug == "messages-stream-debug-event":
            events.append({"type": "debug", "trace": "worker-3"})
        events.append({"type": "ping"})
        for index, block in enumerate(message["content"]):
            at = 0 if self.bug == "messages-stream-index-twice" else index
            events += self._stream_block(at, block)
        end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        last = {"output_tokens": usage["output_tokens"]}
        events.append({"type": "message_delta", "delta": end, "usage": last})
        if self.bug != "messages-stream-unfinished":
            events.append({"type": "message_stop"})
        media_type = "text/event-stream"
        if self.bug == "messages-stream-as-json":
            media_type = "application/json"
        frames = tuple(
            b"event: %b\ndata: %b\n\n" % (event["type"].encode(), encode(event)) for event in events
        )
        return Answer(200, (("content-type", media_type), *self._label(is_stream=True)), frames)

    def _stream_block(self, index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
        if block["type"] == "text":
            empty = block | {"text": ""}
            deltas = [
                {"type": "text_delta", "text": part}
                for part in re.findall(r".{1,5}", block["text"])
            ]
        else:
            empty = block | {"input": {}}
            text = encode(block["input"]).decode()
            deltas = [
                {"type": "input_json_delta", "partial_json": part} for part in (text[:8], text[8:])
            ]
        told = [{"type": "content_block_delta", "index": index, "delta": it} for it in deltas]
        stop = {"type": "content_block_stop", "index": index}
        start = {"type": "content_block_start", "index": index, "content_block": empty}
        if self.bug == "messages-stream-delta-after-stop":
            return [start, *told[:-1], stop, told[-1]]
        return [start, *told, stop]


def _tell_model(model: str) -> dict[str, Any]:
    return {"id": model, "type": "model", "display_name": "Claude Haiku 4.5"}


def _count(body: dict[str, Any]) -> int:
    return 1 + sum(len(encode(body[name])) for name in ("messages", *SHARED) if name in body) // 4


def _check_tool(value: Any) -> None:
    tool = check.take_object(value, "tools[]", ("name", "input_schema"), ("description",))
    check.take_text(tool["name"], "tools[].name", pattern=TOOL)
    if "description" in tool:
        check.take_text(tool["description"], "tools[].description", 0, 1000)
    schema = tool["input_schema"]
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise check.invalid("tools[].input_schema.type", "must be object")


def _check_tool_choice(value: Any) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    check.take_choice(kind, "tool_choice.type", ("auto", "any", "tool", "none"))
    if kind == "tool":
        check.take_object(value, "tool_choice", ("type", "name"))
        check.take_text(value["name"], "tool_choice.name", pattern=TOOL)
    else:
        check.take_object(value, "tool_choice", ("type",))


def _check_tool_result(value: Any) -> None:
    block = check.take_object(
        value, "tool_result", ("type", "tool_use_id"), ("content", "is_error")
    )
    check.take_text(block["tool_use_id"], "tool_result.tool_use_id", pattern=CALL)
    if "content" in block:
        check.take_text(block["content"], "tool_result.content")
    if "is_error" in block:
        check.take_flag(block["is_error"], "tool_result.is_error")

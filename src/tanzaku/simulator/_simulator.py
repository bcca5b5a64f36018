"""The Claude API in process: what a request gets that asks for nothing scripted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from urllib.parse import unquote

from tanzaku.catalog import (
    Model,
    TokenWorker,
    UnknownModelError,
    count_tokens,
    count_tokens_off_loop,
    get_model,
)
from tanzaku.core import Clock, canonical_json, derive_id
from tanzaku.simulator._answer import Answer, answer_request, answer_script, encode_stream
from tanzaku.simulator._models_api import list_page, read_lifecycle, retrieve
from tanzaku.simulator._occurrences import Occurrences, digest_request
from tanzaku.simulator._replies import (
    derive_organization,
    reply_error,
    reply_events,
    reply_json,
)
from tanzaku.simulator._script import Script, When
from tanzaku.transport import (
    BodyEncodingError,
    HttpRequest,
    HttpResponse,
    decode_body_aside,
    get_header,
)
from tanzaku.wire import (
    ANTHROPIC_BETA,
    ANTHROPIC_VERSION,
    API_VERSIONS,
    BETA_NAMES,
    OTHER_BETA_NAMES,
    ApiError,
    check_prompt_length,
    find_betas,
    find_credential,
    get_error_type,
    parse_body,
    validate,
)

_MAX_BODY_BYTES = 32 * 1024 * 1024
_MAX_KEPT_BODY_BYTES = 16 * 1024
_MAX_KEPT = 2048
_SHORT_BODY_BYTES = 3000
_METHODS = {"messages": "POST", "count_tokens": "POST", "models": "GET", "model": "GET"}

type _Endpoint = Literal["messages", "count_tokens", "models", "model"]

_ENDPOINTS: dict[str, _Endpoint] = {
    "/v1/messages": "messages",
    "/v1/messages/count_tokens": "count_tokens",
    "/v1/models": "models",
}


@dataclass(slots=True)
class _Prepared:
    """A valid request with what follows from its bytes alone, so that equal bytes need no second
    reading. `answer` is set once the improviser was asked."""

    request: dict[str, Any]
    model: Model
    key: bytes
    input_tokens: int
    answer: Answer | None = None


class Simulator:
    """Answers as the Claude API would: a transport `Handler` without network, key or bill.

    Serves POST /v1/messages (JSON and events) and /v1/messages/count_tokens, GET /v1/models and
    /v1/models/{id}; every other path is a 404. Any non-empty key or bearer token is accepted.
    Equal seeds give equal bytes to equal sequences of requests. `clock` decides which models have
    been retired. `pace` "instant" sends a stream all at once.
    """

    def __init__(
        self, *, seed: int = 0, clock: Clock, pace: Literal["instant"] = "instant"
    ) -> None:
        if pace != "instant":
            raise ValueError(f"pace {pace!r} is not known; `instant` is")
        self._seed = seed
        self._clock = clock
        self._organization = derive_organization(seed)
        self._occurrences = Occurrences()
        self._script = Script()
        self._token_worker = TokenWorker()
        self._loaded_tokenizers: set[str] = set()
        self._prepared: dict[tuple[bytes, bytes | None, bytes | None], _Prepared] = {}

    def say(
        self,
        answer: str | Sequence[Mapping[str, Any]] | Mapping[str, Any],
        *,
        times: int = 1,
        when: When | None = None,
    ) -> None:
        """Queue an answer before the improviser's: a text, content blocks or a whole message, for
        the next `times` valid requests that `when` (given the parsed body) accepts. Sent as given:
        no limit of the request cuts it. Safe to call from another thread."""
        self._script.say(answer, times=times, when=when)

    async def close(self) -> None:
        """End the process that counts long prompts, if one was started."""
        await self._token_worker.close()

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; whatever is wrong with it becomes the API's error."""
        try:
            return await self._answer(request)
        except ApiError as error:
            key = digest_request(request.method.encode(), request.target.encode(), request.body)
            request_id = derive_id("req", self._seed, key, self._occurrences.next(key))
            return reply_error(error, request_id, rule="api-error", organization=self._organization)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        path, _, query = request.target.partition("?")
        endpoint, name = _find_endpoint(path)
        if request.method != _METHODS[endpoint]:
            # The text is a guess.
            raise ApiError(405, get_error_type(405), "Method Not Allowed")
        if find_credential(request.headers) is None:
            raise ApiError.missing_credential()
        version = get_header(request.headers, ANTHROPIC_VERSION)
        _check_version(version)
        if endpoint == "messages":
            return await self._answer_messages(request, version)
        if endpoint == "count_tokens":
            return await self._answer_count(request, version)
        today = self._today()
        page = list_page(query, today) if endpoint == "models" else retrieve(name, today)
        key = digest_request(request.method.encode(), request.target.encode(), b"")
        request_id = derive_id("req", self._seed, key, self._occurrences.next(key))
        return reply_json(page, request_id, rule="catalog", organization=self._organization)

    async def _answer_messages(self, request: HttpRequest, version: bytes | None) -> HttpResponse:
        prepared = await self._prepare(request, version)
        occurrence = self._occurrences.next(prepared.key)
        scripted = self._script.take(prepared.request) if self._script else None
        if scripted is not None:
            answer = answer_script(
                scripted, prepared.request, prepared.model, prepared.input_tokens
            )
        else:
            if prepared.answer is None:
                prepared.answer = answer_request(
                    prepared.request, prepared.model, prepared.input_tokens, self._seed
                )
            answer = prepared.answer
        message = answer.stamp(self._seed, prepared.key, occurrence)
        request_id = derive_id("req", self._seed, prepared.key, occurrence)
        if prepared.request.get("stream"):
            return reply_events(
                encode_stream(answer, message),
                request_id,
                rule=answer.rule,
                organization=self._organization,
            )
        return reply_json(message, request_id, rule=answer.rule, organization=self._organization)

    async def _prepare(self, request: HttpRequest, version: bytes | None) -> _Prepared:
        betas = get_header(request.headers, ANTHROPIC_BETA)
        body = await _read_body(request)
        cache_key = (body, version, betas)
        prepared = self._prepared.get(cache_key)
        if prepared is not None:
            return prepared
        parsed, model = self._check(request, body, version, "messages")
        input_tokens = await self._count(parsed, model, len(body))
        too_long = check_prompt_length(input_tokens, parsed["max_tokens"], model)
        if too_long is not None:
            raise ApiError.from_violation(too_long)
        key = digest_request(canonical_json(parsed))
        prepared = _Prepared(parsed, model, key, input_tokens)
        if len(body) <= _MAX_KEPT_BODY_BYTES:
            if len(self._prepared) >= _MAX_KEPT:
                del self._prepared[next(iter(self._prepared))]
            self._prepared[cache_key] = prepared
        return prepared

    async def _answer_count(self, request: HttpRequest, version: bytes | None) -> HttpResponse:
        body = await _read_body(request)
        parsed, model = self._check(request, body, version, "count_tokens")
        input_tokens = await self._count(parsed, model, len(body))
        key = digest_request(b"count_tokens", canonical_json(parsed))
        request_id = derive_id("req", self._seed, key, self._occurrences.next(key))
        return reply_json(
            {"input_tokens": input_tokens},
            request_id,
            rule="catalog",
            organization=self._organization,
        )

    def _check(
        self,
        request: HttpRequest,
        body: bytes,
        version: bytes | None,
        endpoint: Literal["messages", "count_tokens"],
    ) -> tuple[dict[str, Any], Model]:
        """The parsed body and its model; ApiError for the first violation."""
        parsed = parse_body(body)
        model = self._find_model(parsed.get("model"))
        betas = find_betas(request.headers)
        _check_betas(betas)
        violations = validate(
            parsed, model, (version or b"").decode(), endpoint=endpoint, betas=betas
        )
        if violations:
            raise ApiError.from_violation(violations[0])
        if model is None:
            raise ApiError.unknown_model(str(parsed["model"]))
        return parsed, model

    async def _count(self, request: Mapping[str, Any], model: Model, size: int) -> int:
        if size <= _SHORT_BODY_BYTES and model.tokenizer in self._loaded_tokenizers:
            return count_tokens(request, model.id)
        tokens = await count_tokens_off_loop(request, model.id, self._token_worker)
        self._loaded_tokenizers.add(model.tokenizer)
        return tokens

    def _find_model(self, name: object) -> Model | None:
        if not isinstance(name, str):
            return None
        try:
            model = get_model(name)
        except UnknownModelError:
            return None
        return None if read_lifecycle(model, self._today()) == "retired" else model

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock.now(), UTC).date()


def _find_endpoint(path: str) -> tuple[_Endpoint, str]:
    """The endpoint of a path and, for one model, its name."""
    endpoint = _ENDPOINTS.get(path)
    if endpoint is not None:
        return endpoint, ""
    name = path.removeprefix("/v1/models/")
    if name == path or not name or "/" in name:
        raise ApiError.not_found()
    return "model", unquote(name)


def _check_version(version: bytes | None) -> None:
    if version is None:
        raise ApiError.missing_version()
    if version.decode("latin-1") not in API_VERSIONS:
        # The text is a guess.
        raise ApiError.invalid_request(
            f'anthropic-version: "{version.decode("latin-1")}" is not a valid version'
        )


def _check_betas(betas: list[str]) -> None:
    """Refuse unknown names; how the text goes on after its first sentence is not known."""
    unknown = [name for name in betas if name not in BETA_NAMES and name not in OTHER_BETA_NAMES]
    if unknown:
        names = ", ".join(f"`{name}`" for name in unknown)
        raise ApiError.invalid_request(
            f"Unexpected value(s) {names} for the `anthropic-beta` header."
        )


async def _read_body(request: HttpRequest) -> bytes:
    """The body without its content-encoding. SDK 2.12 `_error_classes.py` names the error codes;
    the texts are guesses."""
    try:
        return await decode_body_aside(request.headers, request.body, _MAX_BODY_BYTES)
    except BodyEncodingError as error:
        if error.kind == "too_large":
            if len(request.body) > _MAX_BODY_BYTES:
                raise ApiError.request_too_large() from None
            code = "request_body_too_large_after_decoding"
            raise ApiError(413, get_error_type(413), str(error), error_code=code) from None
        code = f"request_body_encoding_{error.kind}"
        raise ApiError(400, get_error_type(400), str(error), error_code=code) from None

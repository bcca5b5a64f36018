"""The Claude API in process: routes, headers, and what goes wrong on the way."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import unquote

from tanzaku.core import Clock, derive_id
from tanzaku.exchange import TRACE_HEADER
from tanzaku.simulator._brain import Brain, ToldError
from tanzaku.simulator._families import refuse_path
from tanzaku.simulator._messages_api import Call, MessagesApi
from tanzaku.simulator._models_api import list_page, retrieve
from tanzaku.simulator._occurrences import Occurrences, digest_request
from tanzaku.simulator._replies import Head, derive_organization, reply_error, reply_json
from tanzaku.simulator._script import When
from tanzaku.simulator._settings import SimulatorSettings
from tanzaku.simulator.clouds import Clouds
from tanzaku.simulator.quota import Quota
from tanzaku.simulator.scenario import ScenarioRun
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
    WORKSPACE_ID,
    ApiError,
    find_betas,
    find_credential,
    get_error_type,
)

_MAX_BODY_BYTES = 32 * 1024 * 1024
_METHODS = {"messages": "POST", "count_tokens": "POST", "models": "GET", "model": "GET"}

type _Endpoint = Literal["messages", "count_tokens", "models", "model"]

_ENDPOINTS: dict[str, _Endpoint] = {
    "/v1/messages": "messages",
    "/v1/messages/count_tokens": "count_tokens",
    "/v1/models": "models",
}


class Simulator:
    """Answers as the Claude API would: a transport `Handler` without network, key or bill.

    Serves POST /v1/messages (JSON and events) and /v1/messages/count_tokens, GET /v1/models and
    /v1/models/{id}; every other path is a 404. Any non-empty key or bearer token is accepted.
    Equal seeds give equal bytes to equal sequences of requests. `clock` decides which models have
    been retired. `settings` turns on scenarios, pace and other levels of strictness.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Clock,
        settings: SimulatorSettings = SimulatorSettings(),  # noqa: B008 - frozen
    ) -> None:
        self._seed = seed
        self._settings = settings
        self._organization = derive_organization(seed)
        self._default_workspace = derive_id("wrkspc", seed)
        self._occurrences = Occurrences()
        self._brain = Brain(settings, seed=seed, clock=clock)
        self._quota: Quota | None = None
        if settings.limits is not None:
            self._quota = Quota(settings.limits, self._organization.decode(), seed=seed)
        self._messages = MessagesApi(
            self._brain,
            settings,
            seed=seed,
            clock=clock,
            occurrences=self._occurrences,
            quota=self._quota,
        )

        self._clouds = Clouds(self)

    @property
    def scenario(self) -> ScenarioRun | None:
        """The scenarios at work, for their state and counts; None where none was given."""
        return self._brain.scenario

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
        self._brain.script.say(answer, times=times, when=when)

    async def close(self) -> None:
        """End the process that counts long prompts, if one was started."""
        await self._brain.close()

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; whatever is wrong with it becomes the API's error."""
        try:
            if self._clouds.is_for_a_cloud(request.path):
                return await self._clouds.answer(request)
            return await self._answer(request)
        except ApiError as error:
            return reply_error(error, self._refusal_head(request, "api-error", error))
        except ToldError as told:
            head = self._refusal_head(request, told.rule, told.error)
            head.more.append((TRACE_HEADER.encode(), told.trace.encode()))
            return reply_error(told.error, head)

    def _refusal_head(self, request: HttpRequest, rule: str, error: ApiError) -> Head:
        key = digest_request(request.method.encode(), request.target.encode(), request.body)
        request_id = derive_id("req", self._seed, key, self._occurrences.next(key))
        head = Head(request_id, rule, self._organization)
        if error.status != 401:
            head.workspace = self._find_workspace(request).encode()
        return head

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        path, _, query = request.target.partition("?")
        endpoint, name = _find_endpoint(path)
        if request.method != _METHODS[endpoint]:
            # The text is a guess.
            raise ApiError(405, get_error_type(405), "Method Not Allowed")
        if find_credential(request.headers) is None:
            raise ApiError.missing_credential()
        version = get_header(request.headers, ANTHROPIC_VERSION)
        self._check_version(version)
        if endpoint in {"messages", "count_tokens"}:
            call = await self._read_call(request, version or b"")
            if endpoint == "messages":
                return await self._messages.create(call)
            return await self._messages.count(call)
        return self._answer_models(request, endpoint, name, query)

    async def _read_call(self, request: HttpRequest, version: bytes) -> Call:
        raw_betas = get_header(request.headers, ANTHROPIC_BETA) or b""
        betas = find_betas(request.headers) if raw_betas else []
        if betas and self._settings.strictness == "full":
            _check_betas(betas)
        return Call(
            headers=request.headers,
            body=await _read_body(request),
            version=version,
            raw_betas=raw_betas,
            betas=betas,
            workspace=self._find_workspace(request),
            organization=self._organization,
        )

    def _answer_models(
        self, request: HttpRequest, endpoint: _Endpoint, name: str, query: str
    ) -> HttpResponse:
        today = self._brain.today()
        page = list_page(query, today) if endpoint == "models" else retrieve(name, today)
        key = digest_request(request.method.encode(), request.target.encode(), b"")
        request_id = derive_id("req", self._seed, key, self._occurrences.next(key))
        workspace = self._find_workspace(request).encode()
        return reply_json(page, Head(request_id, "catalog", self._organization, workspace))

    def _find_workspace(self, request: HttpRequest) -> str:
        named = get_header(request.headers, WORKSPACE_ID)
        return named.decode("latin-1") if named else self._default_workspace

    def _check_version(self, version: bytes | None) -> None:
        if version is None:
            raise ApiError.missing_version()
        if self._settings.strictness != "full":
            return
        if version.decode("latin-1") not in API_VERSIONS:
            # The text is a guess.
            raise ApiError.invalid_request(
                f'anthropic-version: "{version.decode("latin-1")}" is not a valid version'
            )


def _find_endpoint(path: str) -> tuple[_Endpoint, str]:
    """The endpoint of a path and, for one model, its name."""
    endpoint = _ENDPOINTS.get(path)
    if endpoint is not None:
        return endpoint, ""
    name = path.removeprefix("/v1/models/")
    if name == path or not name or "/" in name:
        raise refuse_path(path)
    return "model", unquote(name)


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

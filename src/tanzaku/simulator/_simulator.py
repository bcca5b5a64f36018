"""The Claude API in process: routes, headers, and what goes wrong on the way."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from pydantic_core import to_json

from tanzaku.catalog import UnpricedUsageError, price
from tanzaku.core import Clock, derive_id
from tanzaku.exchange import TRACE_HEADER
from tanzaku.ledger import MemoryShelf, Shelf
from tanzaku.simulator._brain import Brain, ToldError
from tanzaku.simulator._families import refuse_method, refuse_path
from tanzaku.simulator._messages_api import Call, MessagesApi
from tanzaku.simulator._models_api import list_page, retrieve
from tanzaku.simulator._occurrences import Occurrences, digest_request
from tanzaku.simulator._replies import Head, derive_organization, reply_error, reply_json
from tanzaku.simulator._script import When
from tanzaku.simulator._settings import SimulatorSettings
from tanzaku.simulator._stateless import answer_anyway
from tanzaku.transport import (
    BodyEncodingError,
    HeaderList,
    HttpRequest,
    HttpResponse,
    decode_body_aside,
)
from tanzaku.wire import (
    ANTHROPIC_BETA,
    ANTHROPIC_VERSION,
    API_KEY,
    API_VERSIONS,
    BETA_NAMES,
    OTHER_BETA_NAMES,
    WORKSPACE_ID,
    ApiError,
    find_betas,
    find_credential,
    get_error_type,
)

if TYPE_CHECKING:
    from tanzaku.simulator.batches import BatchesApi
    from tanzaku.simulator.files import FilesApi
    from tanzaku.simulator.quota import Quota
    from tanzaku.simulator.scenario import Scenario, ScenarioRun

_MAX_BODY_BYTES = 32 * 1024 * 1024
_VERSIONS = frozenset(version.encode() for version in API_VERSIONS)
_METHODS = {"messages": "POST", "count_tokens": "POST", "models": "GET", "model": "GET"}

type _Endpoint = Literal["messages", "count_tokens", "models", "model", "batches", "files"]

_ENDPOINTS: dict[str, _Endpoint] = {
    "/v1/messages": "messages",
    "/v1/messages/count_tokens": "count_tokens",
    "/v1/models": "models",
}
_FAMILIES: tuple[tuple[str, _Endpoint], ...] = (
    ("/v1/messages/batches", "batches"),
    ("/v1/files", "files"),
)
# Below these, other clouds' shapes of the API are asked for.
_CLOUD_ROOTS = ("/model/", "/v1/projects/", "/anthropic/")


class Simulator:
    """Answers as the Claude API would: a transport `Handler` without network, key or bill.

    Serves Messages (JSON and events), count_tokens, batches, files and models, and the same behind
    the paths of Bedrock, Vertex and Foundry; every other path is a 404 that names the family. Any
    non-empty key or bearer token is accepted. Equal seeds give equal bytes to equal sequences of
    requests. `clock` decides which models have been retired. `settings` turns on scenarios, pace,
    limits and other levels of strictness. `shelf` keeps batches and files (in memory by default);
    whoever opened it closes it.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Clock,
        settings: SimulatorSettings = SimulatorSettings(),  # noqa: B008 - frozen
        shelf: Shelf | None = None,
    ) -> None:
        self._seed = seed
        self._clock = clock
        self._settings = settings
        self._organization = derive_organization(seed)
        self._default_workspace = derive_id("wrkspc", seed)
        self._occurrences = Occurrences()
        self._brain = Brain(settings, seed=seed, clock=clock)
        self._quota = self._build_quota()
        self._messages = MessagesApi(
            self._brain,
            settings,
            seed=seed,
            clock=clock,
            occurrences=self._occurrences,
            quota=self._quota,
        )
        self._files: FilesApi | None = None
        self._batches: BatchesApi | None = None
        self.use_shelf(MemoryShelf() if shelf is None else shelf)

    def _build_quota(self) -> "Quota | None":
        if self._settings.limits is None:
            return None
        from tanzaku.simulator.quota import Quota

        return Quota(self._settings.limits, self._organization.decode(), seed=self._seed)

    def use_shelf(self, shelf: Shelf) -> None:
        """Keep batches and files there; only before the first request."""
        self._shelf = self._messages.shelf = shelf

    @property
    def scenario(self) -> "ScenarioRun":
        """The scenarios at work, for their state and counts."""
        return self._brain.scenario

    def play(self, *scenarios: "Scenario") -> None:
        """Answer by these scenarios from now on, in the place of those before. Safe to call from
        another thread."""
        self._brain.play(*scenarios)

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
        """Leave off batches at work, and end the process that counts long prompts."""
        if self._batches is not None:
            await self._batches.close()
        await self._brain.close()

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; whatever is wrong with it becomes the API's error."""
        try:
            return await self._answer(request)
        except ApiError as error:
            if self._settings.strictness == "schema" and error.status in {400, 404}:
                anyway = answer_anyway(request, self._head(request), self._clock.now())
                if anyway is not None:
                    return anyway
            head = self._head(request, "api-error")
            if error.status == 401:
                head.workspace = None
            return reply_error(error, head)
        except ToldError as told:
            head = self._head(request, told.rule)
            head.more.append((TRACE_HEADER.encode(), told.trace.encode()))
            return reply_error(told.error, head)

    def _head(self, request: HttpRequest, rule: str = "") -> Head:
        """Headers with an id that follows from the request's bytes and how often they came."""
        key = digest_request(request.method.encode(), request.target.encode(), request.body)
        request_id = derive_id("req", self._seed, key, self._occurrences.next(key))
        workspace = self._find_workspace(_read_first(request.headers)).encode()
        return Head(request_id, rule, self._organization, workspace)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        path, _, query = request.target.partition("?")
        endpoint, name = _ENDPOINTS.get(path), ""
        if endpoint is None:
            if path.startswith(_CLOUD_ROOTS):
                from tanzaku.simulator.clouds import Clouds

                clouds = Clouds(self)
                if clouds.is_for_a_cloud(path):
                    return await clouds.answer(request)
            endpoint, name = _find_endpoint(path)
        method = _METHODS.get(endpoint, request.method)
        if request.method != method:
            raise refuse_method(method)
        first = _read_first(request.headers)
        key = first.get(API_KEY)
        if not (key and key.strip()) and find_credential(request.headers) is None:
            raise ApiError.missing_credential()
        self._check_version(first.get(ANTHROPIC_VERSION))
        match endpoint:
            case "messages" | "count_tokens":
                body = request.body
                if len(body) > _MAX_BODY_BYTES or b"content-encoding" in first:
                    body = await _read_body(request)
                call = self._build_call(request.headers, first, body)
                if endpoint == "messages":
                    return await self._messages.create(call)
                return await self._messages.count(call)
            case "batches" | "files":
                return await self._answer_family(request, endpoint)
            case _:
                head = self._head(request, "catalog")
                today = self._brain.today()
                is_list = endpoint == "models"
                return reply_json(
                    list_page(query, today) if is_list else retrieve(name, today), head
                )

    async def _answer_family(
        self, request: HttpRequest, family: Literal["batches", "files"]
    ) -> HttpResponse:
        head = self._head(request)
        if self._quota is not None:
            from tanzaku.simulator.quota import Refusal

            let_in = self._quota.call(self._clock.now(), family)
            if isinstance(let_in, Refusal):
                raise let_in.to_error()
            head.more += let_in
        if family == "batches":
            return await self._answer_batches(request, head)
        return await self._answer_files(request, head)

    async def _answer_batches(self, request: HttpRequest, head: Head) -> HttpResponse:
        from tanzaku.simulator.batches import MAX_BATCH_BODY_BYTES, BatchesApi

        if self._batches is None:
            self._batches = BatchesApi(
                self._answer_item,
                shelf=self._shelf,
                clock=self._clock,
                speed=self._settings.batch_speed,
                enqueue=self._enqueue,
                dequeue=self._dequeue,
            )
        body = await _read_body(request, MAX_BATCH_BODY_BYTES)
        return await self._batches(request, body, head)

    async def _answer_files(self, request: HttpRequest, head: Head) -> HttpResponse:
        from tanzaku.simulator.files import MAX_UPLOAD_BODY_BYTES, FilesApi

        if self._files is None:
            self._files = FilesApi(self._messages.library, clock=self._clock)
        body = await _read_body(request, MAX_UPLOAD_BODY_BYTES)
        return await self._files(request, body, head)

    def _build_call(self, headers: HeaderList, first: Mapping[bytes, bytes], body: bytes) -> Call:
        betas = find_betas(headers) if ANTHROPIC_BETA in first else []
        if betas and self._settings.strictness == "full":
            _check_betas(betas)
        return Call(
            headers=headers,
            body=body,
            version=first.get(ANTHROPIC_VERSION, b""),
            betas=betas,
            workspace=self._find_workspace(first),
            organization=self._organization,
        )

    async def _answer_item(
        self, params: dict[str, Any], headers: HeaderList, custom_id: str
    ) -> dict[str, Any] | ApiError:
        """One request of a batch."""
        try:
            call = self._build_call(headers, _read_first(headers), to_json(params))
            return await self._messages.answer_item(call, params)
        except ToldError as told:
            return told.error

    def _enqueue(self, requests: int, workspace: str) -> None:
        if self._quota is not None:
            refusal = self._quota.enqueue(self._clock.now(), requests, workspace)
            if refusal is not None:
                raise refusal.to_error()

    def _dequeue(self, message: dict[str, Any] | None, workspace: str) -> None:
        if self._quota is not None:
            cost = Decimal(0)
            with suppress(UnpricedUsageError):
                if message is not None:
                    day = self._brain.today()
                    cost = price(message["model"], message["usage"], day=day).total_usd
            self._quota.dequeue(self._clock.now(), 1, cost, workspace)

    def _find_workspace(self, first: Mapping[bytes, bytes]) -> str:
        named = first.get(WORKSPACE_ID)
        return named.decode("latin-1") if named else self._default_workspace

    def _check_version(self, version: bytes | None) -> None:
        if version is None:
            raise ApiError.missing_version()
        if version not in _VERSIONS and self._settings.strictness == "full":
            # The text is a guess.
            raise ApiError.invalid_request(
                f'anthropic-version: "{version.decode("latin-1")}" is not a valid version'
            )


def _read_first(headers: HeaderList) -> dict[bytes, bytes]:
    """The headers by name; of a repeated one the first line, which is the one that counts."""
    return dict(reversed(headers))


def _find_endpoint(path: str) -> tuple[_Endpoint, str]:
    """The endpoint of a path of a family, or one model's and its name."""
    for root, family in _FAMILIES:
        if path == root or path.startswith(f"{root}/"):
            return family, ""
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


async def _read_body(request: HttpRequest, limit: int = _MAX_BODY_BYTES) -> bytes:
    """The body without its content-encoding. SDK 2.12 `_error_classes.py` names the error codes;
    the texts are guesses."""
    try:
        return await decode_body_aside(request.headers, request.body, limit)
    except BodyEncodingError as error:
        if error.kind == "too_large":
            if len(request.body) > limit:
                raise ApiError.request_too_large() from None
            code = "request_body_too_large_after_decoding"
            raise ApiError(413, get_error_type(413), str(error), error_code=code) from None
        code = f"request_body_encoding_{error.kind}"
        raise ApiError(400, get_error_type(400), str(error), error_code=code) from None

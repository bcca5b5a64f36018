"""From a parsed request to an answer: checked, counted, told by a script or improvised."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from tanzaku.catalog import (
    Model,
    TokenWorker,
    UnknownModelError,
    count_tokens,
    count_tokens_off_loop,
    get_model,
)
from tanzaku.core import Clock, canonical_json
from tanzaku.exchange import encode_violations
from tanzaku.simulator._answer import Answer, answer_request, answer_script
from tanzaku.simulator._models_api import read_lifecycle
from tanzaku.simulator._occurrences import digest_request
from tanzaku.simulator._prefix import Prefix
from tanzaku.simulator._script import Script, ScriptedAnswer
from tanzaku.simulator._settings import SimulatorSettings
from tanzaku.simulator._strictness import judge
from tanzaku.transport import HeaderList
from tanzaku.wire import ApiError, check_prompt_length

if TYPE_CHECKING:
    from tanzaku.simulator.scenario import Scenario, ScenarioRun, ScenarioWatch

type Endpoint = Literal["messages", "count_tokens", "batches"]

_SHORT_BODY_BYTES = 3000
_STAND_IN_MODEL = "claude-haiku-4-5"

_log = logging.getLogger("tanzaku.simulator")


@dataclass(slots=True)
class Prepared:
    """A request that may be answered, with what follows from its bytes alone.

    `key` stands for its content. `answer` is set once the improviser was asked. `waived` lists for
    a header what live would have refused.
    """

    request: dict[str, Any]
    model: Model
    key: bytes
    input_tokens: int
    prefix: Prefix | None
    breakpoint_tokens: list[int]
    waived: bytes
    answer: Answer | None = None


class ToldError(Exception):
    """A scenario's rule answers with an error; `trace` says why earlier rules did not answer."""

    def __init__(self, error: ApiError, rule: str, trace: str) -> None:
        super().__init__(str(error))
        self.error = error
        self.rule = rule
        self.trace = trace


class Brain:
    """Checks, counts and answers parsed requests; what is said beforehand goes first, then the
    scenarios' rules, then the improviser."""

    def __init__(self, settings: SimulatorSettings, *, seed: int, clock: Clock) -> None:
        self.script = Script()
        self._watch: ScenarioWatch | None = None
        self._has_rules = False
        self._settings = settings
        self._seed = seed
        self._clock = clock
        self._token_worker = TokenWorker()
        self._loaded_tokenizers: set[str] = set()
        if settings.scenarios:
            self._watch = self._begin_watch()
            self._has_rules = True

    @cached_property
    def scenario(self) -> "ScenarioRun":
        """The scenarios at work."""
        from tanzaku.simulator.scenario import ScenarioRun

        return ScenarioRun(seed=self._seed)

    def _begin_watch(self) -> "ScenarioWatch":
        from tanzaku.simulator.scenario import ScenarioWatch

        return ScenarioWatch(self.scenario, self._settings.scenarios, now=self._clock.monotonic())

    def play(self, *scenarios: "Scenario") -> None:
        """Answer by these scenarios from now on, in the place of those before."""
        self._watch = None
        self.scenario.set_rules(*scenarios)
        self._has_rules = bool(scenarios)

    async def close(self) -> None:
        """End the process that counts long prompts, if one was started."""
        await self._token_worker.close()

    def today(self) -> date:
        """The clock's day, in UTC."""
        return datetime.fromtimestamp(self._clock.now(), UTC).date()

    async def prepare(
        self,
        parsed: dict[str, Any],
        size: int,
        version: str,
        betas: Collection[str],
        *,
        endpoint: Endpoint = "messages",
        read_files: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]] | None = None,
    ) -> Prepared:
        """Check a request of `size` bytes and count its tokens. Raises ApiError.

        `read_files` gives a request of the right shape with the contents of the files that it
        names, which is what is counted and answered.
        """
        model = self._find_model(parsed.get("model"))
        waived = judge(
            parsed, model, version, betas, endpoint=endpoint, strictness=self._settings.strictness
        )
        if model is None:
            if self._settings.strictness == "full":
                raise ApiError.unknown_model(str(parsed["model"]))
            model = get_model(_STAND_IN_MODEL)
        if waived:
            _log.warning("live would have refused a request: %s", waived[0])
        whole = parsed if read_files is None else await read_files(parsed)
        tokens = await self.count(whole, model, size)
        if endpoint != "count_tokens" and self._settings.strictness == "full":
            too_long = check_prompt_length(tokens, parsed["max_tokens"], model)
            if too_long is not None:
                raise ApiError.from_violation(too_long)
        key = digest_request(canonical_json(parsed))
        return Prepared(whole, model, key, tokens, None, [], encode_violations(waived))

    def answer(self, prepared: Prepared, headers: HeaderList) -> tuple[Answer, str]:
        """The answer and, where scenarios run, the trace of the rules that did not give it.

        Raises ToldError where a rule answers with an error.
        """
        scripted: ScriptedAnswer | None = None
        rule: str | None = None
        trace = ""
        # A request that only warms the cache takes no answer from anyone.
        if self.script and prepared.request["max_tokens"] != 0:
            scripted = self.script.take(prepared.request)
        if scripted is None and self._has_rules:
            scripted, rule, trace = self._ask_scenario(prepared, headers)
        if scripted is not None:
            answer = answer_script(
                scripted, prepared.request, prepared.model, prepared.input_tokens
            )
            return answer, trace
        if prepared.answer is None:
            prepared.answer = answer_request(
                prepared.request, prepared.model, prepared.input_tokens, self._seed
            )
        if rule is not None:
            return replace(prepared.answer, rule=rule), trace
        return prepared.answer, trace

    def _ask_scenario(
        self, prepared: Prepared, headers: HeaderList
    ) -> tuple[ScriptedAnswer | None, str | None, str]:
        """The answer, None for the improviser's; the rule that gives it; the trace."""
        broken = None if self._watch is None else self._watch.check(self._clock.monotonic())
        if broken is not None:
            _log.error("the scenario keeps its rules: %s", f"{broken.message} {broken.hint}")
        choice = self.scenario.choose(prepared.request, headers, now=self._clock.now())
        if isinstance(choice.answer, ApiError):
            raise ToldError(choice.answer, choice.rule or "", choice.trace)
        return choice.answer, choice.rule, choice.trace

    async def count(self, request: Mapping[str, Any], model: Model, size: int) -> int:
        """The tokens of a prompt; `size` is about that of its JSON. Long ones are counted beside
        the loop."""
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
        return None if read_lifecycle(model, self.today()) == "retired" else model

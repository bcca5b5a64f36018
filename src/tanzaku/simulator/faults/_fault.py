"""A fault as someone asks for it: what, where, when, how often."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic_core import from_json

from tanzaku.simulator.faults._kinds import KINDS, Kind, Parameter, Setting, Settings
from tanzaku.transport import BodyEncodingError, HttpRequest, decode_body, get_header

type Where = Literal["edge", "upstream"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LARGEST_BODY = 32 * 1024 * 1024
_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "text": (str,),
    "boolean": (bool,),
}


class RequestView:
    """A request as conditions look at it; its body is parsed once, and only when one asks."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.path = request.path
        self._model: str | None = None
        self._is_read = False

    @property
    def is_message(self) -> bool:
        return self.path == "/v1/messages" and self.request.method == "POST"

    @property
    def model(self) -> str | None:
        """The body's `model`, None where there is none."""
        if not self._is_read:
            self._is_read = True
            self._model = _read_model(self.request)
        return self._model


def _read_model(request: HttpRequest) -> str | None:
    try:
        body = from_json(decode_body(request.headers, request.body, _LARGEST_BODY))
    except (BodyEncodingError, ValueError):
        return None
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) else None


@dataclass(frozen=True, slots=True)
class When:
    """The requests a fault is for; every condition given must hold.

    `path`, `model` (as the request names it) and `rule` (what the upstream's answer says in
    `tanzaku-rule`) may hold `*` for any text; without `path` only POST /v1/messages counts.
    `header` must be there and, with `equals`, have that value. Of the requests that fit so far
    `nth_call` picks the first to the last counted from 1 (None: no last), and `probability` (0 to 1)
    a share, the same ones for the same seed.
    """

    path: str | None = None
    model: str | None = None
    header: str | None = None
    equals: str | None = None
    rule: str | None = None
    nth_call: tuple[int, int | None] | None = None
    probability: float | None = None

    def __post_init__(self) -> None:
        if self.equals is not None and self.header is None:
            raise ValueError("`equals` needs a `header`")
        if self.nth_call is not None:
            first, last = self.nth_call
            if first < 1 or (last is not None and last < first):
                raise ValueError("`nth_call` is a first (from 1) and a last that is not below it")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError("`probability` is from 0 to 1")

    @property
    def is_about_requests(self) -> bool:
        """Whether it looks at what a request says."""
        return any((self.path, self.model, self.header, self.rule))

    def fits_request(self, view: RequestView) -> bool:
        """Whether a request is one of those meant, as far as it shows before its answer."""
        if self.path is None:
            if not view.is_message:
                return False
        elif not fnmatchcase(view.path, self.path):
            return False
        if self.header is not None:
            value = get_header(view.request.headers, self.header.lower().encode("latin-1"))
            if value is None or (
                self.equals is not None and value.decode("latin-1") != self.equals
            ):
                return False
        return self.model is None or (
            view.model is not None and fnmatchcase(view.model, self.model)
        )

    def fits_rule(self, rule: str) -> bool:
        """Whether the rule that answered is one of those meant."""
        return self.rule is None or fnmatchcase(rule, self.rule)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong on purpose: `Fault("stall", {"seconds": 5}, times=1)`.

    `what` is one of KINDS, `settings` what can be set of it. `where`: `edge`, the client sees it,
    or `upstream`, the gateway does. `times` is how often at most (None: always). `name` (default:
    `what`) stands in the rule `fault:NAME#N` of the exchange it happened to, N counting from 1.
    ValueError says what is wrong.
    """

    what: str
    settings: Settings = field(default_factory=dict)
    where: Where = "edge"
    when: When = When()
    times: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.what)
        kind = KINDS.get(self.what)
        if kind is None:
            raise ValueError(f"there is no fault {self.what!r}; known are {', '.join(KINDS)}")
        if self.where not in ("edge", "upstream"):
            raise ValueError("`where` is edge or upstream")
        if self.times is not None and self.times < 1:
            raise ValueError("`times` is at least 1")
        if NAME.fullmatch(self.name) is None:
            raise ValueError(f"the name {self.name!r} is not letters, digits, dots and dashes")
        if self.is_early and self.when.is_about_requests:
            raise ValueError("a connection refused at the edge has no request to look at")
        for name, value in self.settings.items():
            _check_setting(kind, name, value)

    @property
    def kind(self) -> Kind:
        return KINDS[self.what]

    @property
    def is_early(self) -> bool:
        """Whether it happens before a request is read."""
        return self.what == "refused" and self.where == "edge"

    def to_json(self) -> dict[str, Any]:
        """The fault as it stands in a file; what was left out is left out."""
        document: dict[str, Any] = {"name": self.name, "what": self.what, **self.settings}
        document["where"] = self.where
        if when := _when_to_json(self.when):
            document["when"] = when
        if self.times is not None:
            document["times"] = self.times
        return document


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults in order: the first that fits a request happens to it. Names are unique; where two
    faults share one the later gets a number (`overloaded-2`). `seed` decides probabilities."""

    faults: Sequence[Fault] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "faults", tuple(_number(self.faults)))

    def to_json(self) -> dict[str, Any]:
        """The plan as it stands in a file."""
        return {"seed": self.seed, "faults": [fault.to_json() for fault in self.faults]}


def _number(faults: Iterable[Fault]) -> Iterable[Fault]:
    taken: set[str] = set()
    for fault in faults:
        name, number = fault.name, 1
        while name in taken:
            number += 1
            name = f"{fault.name}-{number}"
        taken.add(name)
        yield Fault(fault.what, fault.settings, fault.where, fault.when, fault.times, name)


def _check_setting(kind: Kind, name: str, value: Setting) -> None:
    parameter = kind.parameters.get(name)
    if parameter is None:
        known = ", ".join(kind.parameters) or "nothing"
        raise ValueError(f"{name!r} cannot be set of a fault {kind.name!r}; {known} can")
    if value is None and parameter.may_be_none:
        return
    if not _is_of_type(value, parameter):
        raise ValueError(
            f"{name!r} of a fault {kind.name!r} must be of type {parameter.type}, not {value!r}"
        )
    if isinstance(value, bool | str | None):
        return
    if not parameter.least <= value <= parameter.most:
        raise ValueError(f"{name!r} is from {parameter.least:g} to {parameter.most:g}")


def _is_of_type(value: Setting, parameter: Parameter) -> bool:
    if isinstance(value, bool):
        return parameter.type == "boolean"
    return isinstance(value, _TYPES[parameter.type])


def _when_to_json(when: When) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name in ("path", "model", "rule", "probability"):
        if (value := getattr(when, name)) is not None:
            document[name] = value
    if when.header is not None:
        given = {"name": when.header, "equals": when.equals}
        document["header"] = when.header if when.equals is None else given
    if when.nth_call is not None:
        first, last = when.nth_call
        document["nth_call"] = first if first == last else f"{first}..{last or ''}"
    return document

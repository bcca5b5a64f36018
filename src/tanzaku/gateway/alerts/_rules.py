"""The section `alerts` of a configuration: what is out of the ordinary, and who is told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, cast

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.gateway._origins import read_safe_origin
from tanzaku.transport import (
    find_objection,
)

type Measure = Literal["spend_usd_per_hour", "error_share", "p95_ms", "new_address"]
type Resolve = Callable[[Entry], str]

KNOWN_S: Final = 7 * 86_400.0
"""How long the ledger's word on where a virtual key was used from counts."""
_THRESHOLDS: Final = ("spend_usd_per_hour", "error_share", "p95_ms")
_SHORTEST_S: Final = 60.0
_LONGEST_S: Final = 86_400.0
_HIGHEST: Final[dict[str, float]] = {
    "spend_usd_per_hour": 1e9,
    "error_share": 1.0,
    "p95_ms": 1e9,
}


@dataclass(frozen=True, slots=True)
class AlertRule:
    """What is measured over the last `over_s` seconds may not be more than `above`.

    `least`: with fewer calls than that in the window shares and percentiles say nothing.
    `new_address` measures nothing: it is about a virtual key that comes from where it never came
    from, and has no `above`.
    """

    measure: Measure
    above: float = 0.0
    over_s: float = 300.0
    least: int = 20

    @property
    def title(self) -> str:
        """How the rule is called in notices; no two rules have the same."""
        if self.measure == "new_address":
            return self.measure
        return f"{self.measure} > {self.above:g} over {self.over_s:g} s"


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where notices are posted: a URL without its last part, that part, and a bearer token."""

    origin: str
    target: str
    token: str | None = None
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """`cool_down_s`: a rule that has fired is quiet for that long."""

    rules: tuple[AlertRule, ...]
    cool_down_s: float = 900.0
    webhook: WebhookSettings | None = None


def read_alerts(entry: Entry, resolve: Resolve) -> AlertSettings:
    """The settings; `resolve` reads references to secrets. Raises InputFileError."""
    fields = entry.as_fields(("rules", "cool_down_s", "webhook"), ("rules",))
    rules: dict[str, AlertRule] = {}
    for one in fields["rules"].as_list():
        rule = _read_rule(one)
        if rule.title in rules:
            raise InputFileError(
                "{place}: the rule {title} stands here a second time.",
                place=one.place,
                title=rule.title,
            )
        rules[rule.title] = rule
    cool_down_s = 900.0
    if "cool_down_s" in fields:
        cool_down_s = fields["cool_down_s"].as_number(0, _LONGEST_S)
    webhook = _read_webhook(fields["webhook"], resolve) if "webhook" in fields else None
    return AlertSettings(tuple(rules.values()), cool_down_s, webhook)


def _read_rule(entry: Entry) -> AlertRule:
    measures = (*_THRESHOLDS, "new_address")
    fields = entry.as_fields((*measures, "over_s", "least"))
    found = [name for name in measures if name in fields]
    if len(found) != 1:
        raise InputFileError(
            "{place}: `{key}` must have one of {units}.",
            place=entry.place,
            key=entry.key,
            units=", ".join(measures),
        )
    measure = cast("Measure", found[0])
    value = fields[measure]
    if measure == "new_address":
        for name in ("over_s", "least"):
            if name in fields:
                raise InputFileError(
                    "{place}: `new_address` looks at every call and has no `{name}`.",
                    place=fields[name].name_place,
                    name=name,
                )
        if not value.as_bool():
            raise InputFileError(
                "{place}: a rule that is off stands for nothing.",
                hint="Take it out.",
                place=value.place,
            )
        return AlertRule(measure)
    over_s = fields["over_s"].as_number(_SHORTEST_S, _LONGEST_S) if "over_s" in fields else 300.0
    least = fields["least"].as_integer(1, 10**6) if "least" in fields else 20
    return AlertRule(measure, value.as_number(0, _HIGHEST[measure]), over_s, least)


def _read_webhook(entry: Entry, resolve: Resolve) -> WebhookSettings:
    fields = entry.as_fields(("url", "token", "allow_private"), ("url",))
    url = fields["url"]
    text = url.as_text()
    # The URL of a chat's webhook is a secret itself, so it may be a reference.
    if text.startswith(("env:", "file:")):
        text = resolve(url)
        if text == url.content:  # who only looks at a configuration has no secrets
            return WebhookSettings(text, "/")
    place, _, query = text.partition("?")
    origin = read_safe_origin(url, place)
    allow_private = "allow_private" in fields and fields["allow_private"].as_bool()
    _check_host(url, origin.host, allow_private=allow_private)
    base = f"{'https' if origin.is_tls else 'http'}://{origin.host_header}"
    target = (origin.prefix or "/") + (f"?{query}" if query else "")
    token = resolve(fields["token"]) if "token" in fields else None
    return WebhookSettings(base, target, token, allow_private)


def _check_host(entry: Entry, host: str, *, allow_private: bool) -> None:
    try:
        objection = find_objection(host, host, "private" if allow_private else "public")
    except ValueError:
        return  # a name, which is looked at whenever it is connected to
    if objection is not None:
        raise InputFileError(
            "{place}: requests cannot go to {host}, {objection}.",
            hint="Addresses of private networks need `allow_private: true`.",
            place=entry.place,
            host=host,
            objection=objection,
        )

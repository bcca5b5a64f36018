"""Rules over settled calls: which fires, which is over. A pure machine over `now`."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Final, Literal

from tanzaku.core import format_rfc3339
from tanzaku.gateway.alerts._rules import AlertRule
from tanzaku.gateway.alerts._windows import Sample, Tally, Window

MAX_PLACES: Final = 50_000
_PICO: Final = 10**12
_HOUR_S: Final = 3600.0
_IPV6_SITE: Final = 64
_MOST_NEWS: Final = 20
_NEVER: Final = float("-inf")

type State = Literal["fired", "resolved"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something began to be out of the ordinary, or ceased to. `value` is what was measured; `key`
    and `addresses` are set where the rule is `new_address`."""

    at: float
    state: State
    rule: AlertRule
    value: float = 0.0
    key: str = ""
    addresses: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One line of English, for logs and chats."""
        if self.rule.measure == "new_address":
            return f"Alert: the key {self.key} is used from a new address: {', '.join(self.addresses)}."
        begins = "Alert" if self.state == "fired" else "Over"
        return f"{begins}: {self.rule.title}; now {self.value:.6g}."

    def to_json(self) -> dict[str, Any]:
        """The same as the webhook posts it."""
        facts: dict[str, Any] = {
            "type": "tanzaku_alert",
            "state": self.state,
            "at": format_rfc3339(self.at),
            "measure": self.rule.measure,
            "text": self.text,
        }
        if self.rule.measure == "new_address":
            return facts | {"key": self.key, "addresses": list(self.addresses)}
        return facts | {
            "value": self.value,
            "above": self.rule.above,
            "over_s": self.rule.over_s,
        }


@dataclass(slots=True)
class _State:
    is_firing: bool = False
    fired_at: float = _NEVER


@dataclass(slots=True)
class _Known:
    """Where a key was seen since it was last told of."""

    told_at: float = _NEVER
    news: list[str] = field(default_factory=list)


class Watch:
    """Counts calls (`add`) and says what is to be told (`check`).

    A rule that fires is told of once, and once more when it is over. Fired anew within
    `cool_down_s` of the last time, it is told of when that has passed, if it still holds. A virtual
    key's first address is where it lives; each other one is told of once, together with what else
    came within a cool-down (of more than 20 the first).
    """

    def __init__(self, rules: Sequence[AlertRule], cool_down_s: float) -> None:
        self._cool_down_s = cool_down_s
        self._windows = {
            rule.over_s: Window(rule.over_s) for rule in rules if rule.measure != "new_address"
        }
        self._states = {rule: _State() for rule in rules if rule.measure != "new_address"}
        self._by_address = next((rule for rule in rules if rule.measure == "new_address"), None)
        self._places: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._keys: dict[str, _Known] = {}

    def learn(self, places: Iterable[tuple[str, str]]) -> None:
        """Take (key, address) pairs as known."""
        for key, address in places:
            self._keys.setdefault(key, _Known())
            self._remember(key, _find_site(address))

    def add(self, sample: Sample) -> None:
        """Count one call."""
        for window in self._windows.values():
            window.add(sample)
        if self._by_address is not None and sample.key and sample.address:
            self._look_at_address(sample)

    def check(self, now: float) -> list[Notice]:
        """What has changed since the last check, to be told now."""
        notices = [] if self._by_address is None else self._tell_of_addresses(self._by_address, now)
        sums = {over_s: window.sum(now) for over_s, window in self._windows.items()}
        for rule, state in self._states.items():
            value = _measure(rule, sums[rule.over_s])
            is_over = value > rule.above
            if is_over and not state.is_firing and now >= state.fired_at + self._cool_down_s:
                state.is_firing, state.fired_at = True, now
                notices.append(Notice(now, "fired", rule, value))
            elif state.is_firing and not is_over:
                state.is_firing = False
                notices.append(Notice(now, "resolved", rule, value))
        return notices

    def _look_at_address(self, sample: Sample) -> None:
        is_new = self._remember(sample.key, _find_site(sample.address))
        known = self._keys.get(sample.key)
        if known is None:
            self._keys[sample.key] = _Known()
        elif is_new and len(known.news) < _MOST_NEWS:
            known.news.append(sample.address)

    def _tell_of_addresses(self, rule: AlertRule, now: float) -> list[Notice]:
        notices = []
        for key, known in self._keys.items():
            if known.news and now >= known.told_at + self._cool_down_s:
                notices.append(Notice(now, "fired", rule, key=key, addresses=tuple(known.news)))
                known.told_at, known.news = now, []
        return notices

    def _remember(self, key: str, site: str) -> bool:
        """Whether it was not known. The places longest unused are forgotten first."""
        place = (key, site)
        if place in self._places:
            self._places.move_to_end(place)
            return False
        self._places[place] = None
        if len(self._places) > MAX_PLACES:
            self._places.popitem(last=False)
        return True


def _measure(rule: AlertRule, tally: Tally) -> float:
    match rule.measure:
        case "spend_usd_per_hour":
            return tally.picousd / _PICO * _HOUR_S / rule.over_s
        case "error_share":
            return tally.errors / tally.calls if tally.calls >= rule.least else 0.0
        case "p95_ms":
            return tally.find_p95_ms() if tally.answered >= rule.least else 0.0
        case "new_address":
            return 0.0


def _find_site(address: str) -> str:
    """What counts as one place: an IPv4 address, or the network of an IPv6 one, in which machines
    change theirs by themselves (RFC 8981)."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    return address if ip.version == 4 else str(ip_network((int(ip), _IPV6_SITE), strict=False))

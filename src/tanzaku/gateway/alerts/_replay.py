"""What the rules would have said of calls that are kept: the same machine, driven by their times."""

from collections.abc import Iterable, Sequence

from tanzaku.exchange import Exchange
from tanzaku.gateway.alerts._alerts import read_sample
from tanzaku.gateway.alerts._rules import KNOWN_S, AlertSettings
from tanzaku.gateway.alerts._watch import Notice, Watch
from tanzaku.gateway.alerts._windows import SLICES


def find_warm_up_s(settings: AlertSettings) -> float:
    """How long before the first moment of interest calls begin to matter: the longest window, a
    week where it is about addresses."""
    return max(
        (KNOWN_S if rule.measure == "new_address" else rule.over_s for rule in settings.rules),
        default=0.0,
    )


def replay_alerts(
    exchanges: Iterable[Exchange],
    settings: AlertSettings,
    *,
    since: float,
    until: float,
) -> Sequence[Notice]:
    """The notices from `since` to `until`, Unix seconds, over exchanges in about the order they
    ended. What began before `since` and still holds then is told of at `since`; addresses of before
    are known."""
    watch = Watch(settings.rules, settings.cool_down_s)
    step_s = min((rule.over_s for rule in settings.rules), default=60.0) / SLICES
    notices: list[Notice] = []
    looked_at = since
    for exchange in exchanges:
        sample = read_sample(exchange)
        if sample is None or sample.at > until:
            continue
        while looked_at + step_s <= sample.at:
            notices += watch.check(looked_at)
            looked_at += step_s
        if sample.at < since and sample.address:
            watch.learn([(sample.key, sample.address)])
        watch.add(sample)
    while looked_at < until:
        notices += watch.check(looked_at)
        looked_at += step_s
    return [*notices, *watch.check(until)]

"""How long an answer takes: the time to its first token and the gaps between its pieces.

A synchronous machine: it is told when streams begin and end and says durations; waiting is left to
whoever drives it.
"""

import math
from dataclasses import dataclass
from random import Random
from typing import Literal

from tanzaku.catalog import Model, Pace
from tanzaku.core import UserError

type PaceName = Literal["instant", "fast", "realistic"]

_SPEEDS: dict[str, float] = {"fast": 10.0, "realistic": 1.0}


@dataclass(frozen=True, slots=True)
class PaceSettings:
    """How fast to answer.

    `speed` divides every duration: 1 is a model's own pace, 10 is `fast`. `figures` stand in for
    the catalogue's of every model. Under load all durations grow evenly, from 1 for a single
    answer to `full_load_factor` when `full_load` answers or more are under way (the shape and the
    two figures are guesses; no source tells how the API slows down).
    """

    speed: float = 1.0
    figures: Pace | None = None
    full_load: int = 1000
    full_load_factor: float = 2.0


def parse_pace(text: str) -> PaceSettings | None:
    """`instant` (None), `fast`, `realistic`, or own figures for every model:
    `ttft=900,tps=97,spread=0.3,load=2.0`, all optional, in milliseconds, tokens a second, standard
    deviation of the logarithm, and the factor at 1,000 answers at once.

    Raises UserError on anything else.
    """
    if text == "instant":
        return None
    if text in _SPEEDS:
        return PaceSettings(speed=_SPEEDS[text])
    values: dict[str, float] = {}
    for part in text.split(","):
        name, _, figure = part.partition("=")
        try:
            values[name.strip()] = float(figure)
        except ValueError:
            raise _refuse(text) from None
    is_known = values.keys() <= {"ttft", "tps", "spread", "load"}
    is_in_range = all(math.isfinite(value) and value >= 0 for value in values.values())
    if not is_known or not is_in_range or values.get("tps") == 0 or values.get("load", 1) < 1:
        raise _refuse(text)
    spread = values.get("spread", 0.0)
    figures = Pace(
        ttft_ms=values.get("ttft", 0.0),
        ttft_spread=spread,
        tokens_per_s=values.get("tps", 1e9),
        tokens_per_s_spread=spread,
        gap_spread=spread,
        sources={},
        guesses=frozenset(),
    )
    return PaceSettings(figures=figures, full_load_factor=values.get("load", 1.0))


def _refuse(text: str) -> UserError:
    return UserError(
        "Unknown pace `{pace}`.",
        hint="Say `instant`, `fast`, `realistic`, or figures such as `ttft=900,tps=97,spread=0.3`.",
        pace=text,
    )


class Pacemaker:
    """Draws the durations of answers and counts how many are under way."""

    def __init__(self, settings: PaceSettings) -> None:
        self._settings = settings
        self._under_way = 0

    def begin(self, model: Model, seed: int, key: bytes, occurrence: int) -> "Track":
        """The pace of one answer; the same for the same seed and request but for the load.

        Whoever begins an answer calls `end`.
        """
        self._under_way += 1
        figures = self._settings.figures or model.pace
        return Track(self, figures, Random(b"pace:%d:%d:%b" % (seed, occurrence, key)))

    def end(self) -> None:
        """One answer is over, whole or not."""
        self._under_way -= 1

    def stretch(self) -> float:
        """What a duration is multiplied with right now."""
        settings = self._settings
        load = min(1.0, max(0, self._under_way - 1) / max(1, settings.full_load - 1))
        return (1 + (settings.full_load_factor - 1) * load) / settings.speed


class Track:
    """The durations of one answer, in seconds; log-normal, drawn once an answer for its speed and
    once a gap for the jitter around it (whose mean is 1)."""

    __slots__ = ("_chance", "_figures", "_pacemaker", "_s_per_token")

    def __init__(self, pacemaker: Pacemaker, figures: Pace, chance: Random) -> None:
        self._pacemaker = pacemaker
        self._figures = figures
        self._chance = chance
        speed = figures.tokens_per_s * chance.lognormvariate(0, figures.tokens_per_s_spread)
        self._s_per_token = 1 / speed

    def ttft_s(self) -> float:
        """Until the first token."""
        figures = self._figures
        drawn = self._chance.lognormvariate(0, figures.ttft_spread)
        return figures.ttft_ms / 1000 * drawn * self._pacemaker.stretch()

    def gap_s(self, tokens: float) -> float:
        """Between two pieces, the second of `tokens` tokens."""
        spread = self._figures.gap_spread
        jitter = self._chance.lognormvariate(-spread * spread / 2, spread)
        return tokens * self._s_per_token * jitter * self._pacemaker.stretch()

    def rest_s(self, tokens: float) -> float:
        """All of `tokens` tokens after the first token, for an answer sent in one piece."""
        return tokens * self._s_per_token * self._pacemaker.stretch()

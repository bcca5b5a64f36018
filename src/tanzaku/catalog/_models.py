"""What is known of a model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from tanzaku.catalog._media import find_tier

_FROM_4_7: Final = frozenset({"4-7", "5-5"})


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact was read, and the day it was read there."""

    key: str
    where: str
    read_on: date


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What an organization may send in a minute, all its workspaces together.

    Input tokens are those not read from the cache and those written to it, and where
    `cache_reads_count` those read from it as well. Output tokens are the ones really made;
    `max_tokens` plays no part.
    """

    requests: int
    input_tokens: int
    output_tokens: int
    cache_reads_count: bool


@dataclass(frozen=True, slots=True)
class Tier:
    """What an organization of a usage tier may do, all models together.

    `monthly_spend_usd` ends a calendar month in UTC; the `..._requests` are HTTP requests a minute
    to count_tokens, to the Batches and to the Files API; `batch_queue` is how many requests inside
    batches may wait at once. The limits of Messages are a model's: `Model.rate_limits`.
    """

    name: str
    monthly_spend_usd: Decimal
    count_tokens_requests: int
    batch_requests: int
    batch_queue: int
    files_requests: int
    sources: Mapping[str, Source]
    guesses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast answers come, as log-normal distributions: medians, and as spread the standard
    deviation of the natural logarithm.

    `ttft_ms` is from the request to the first token, `tokens_per_s` the speed of one whole answer
    after it, `gap_spread` how much one gap between chunks of it differs from the next.
    """

    ttft_ms: float
    ttft_spread: float
    tokens_per_s: float
    tokens_per_s_spread: float
    gap_spread: float
    sources: Mapping[str, Source]
    guesses: frozenset[str]


@dataclass(frozen=True, slots=True)
class ListPrice:
    """Dollars per million tokens; `web_search` per single search."""

    input: Decimal
    output: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    cache_read: Decimal
    web_search: Decimal


@dataclass(frozen=True, slots=True)
class Model:
    """One model: names, limits, abilities, lifecycle.

    None means that there is no such thing, or that nobody here knows: then the attribute's name is
    in `unknown`. What is only believed is in `guesses`. `sources` says for each fact where it was
    read and when.

    `thinking_modes` are the accepted values of `thinking.type`; `default_thinking` is what holds
    without one; `reduced_thinking_max_effort` is the highest effort at which `disabled` or
    `between_tools` is accepted (None: any). `sampling` is one of `free`; `one-of-two` (temperature
    or top_p, not both); `defaults-only`; `near-defaults` (temperature 1 or top_p 0.99, not both, no
    top_k). `us_inference_factor` is None where the API refuses `inference_geo`. `tokenizer` is
    `v3`, `v4.7` or `v4.8`. The tool prompt tokens come on top of the tools themselves, for
    tool_choice auto or none, and any or tool. `rate_limits` has the keys `start`, `build`, `scale`;
    models of one `rate_pool` share them. `pace` is in `guesses` where it was taken on another
    model. `state` is that of Anthropic's own platforms: `active`,
    `deprecated` or `retired`.
    """

    id: str
    aliases: tuple[str, ...]
    display_name: str
    line: str
    generation: str
    bedrock_id: str | None
    mantle_id: str | None
    vertex_id: str | None
    context_window: int
    max_output_tokens: int
    max_batch_output_tokens: int | None
    thinking_modes: tuple[str, ...]
    deprecated_thinking_modes: tuple[str, ...]
    default_thinking: str
    reduced_thinking_max_effort: str | None
    thinking_display: str | None
    keeps_earlier_thinking: bool
    effort_levels: tuple[str, ...]
    default_effort: str | None
    sampling: str
    prefill: bool
    forced_tool_choice: bool
    system_turns: bool | None
    fast_speed: bool
    us_inference_factor: Decimal | None
    regional_factor: Decimal
    cache_minimum_tokens: int | None
    tokenizer: str
    tool_prompt_tokens: int | None
    forced_tool_prompt_tokens: int | None
    images_per_request: int
    image_max_side_px: int
    image_max_megabytes: int
    pdf_pages_per_request: int
    state: str
    is_legacy: bool
    released_on: date | None
    deprecated_on: date | None
    retires_on: date | None
    retires_not_before: date | None
    rate_limits: Mapping[str, RateLimit] | None
    rate_pool: str | None
    pace: Pace
    priority_tier: bool | None
    list_price: ListPrice | None
    unknown: frozenset[str]
    guesses: frozenset[str]
    sources: Mapping[str, Source]

    @property
    def is_from_4_7(self) -> bool:
        """Whether the model is Claude 4.7 or later: clouds take the API's October version for those
        alone. [NOV api/versioning]"""
        return self.generation in _FROM_4_7

    @property
    def most_image_tokens(self) -> int:
        """Tokens of the largest image the model sees; larger ones are shrunk to it."""
        return find_tier(self.tokenizer).most_tokens

    def iter_names(self) -> Iterator[tuple[str, str, str | None]]:
        """Every name as (the fact that states it, the name, the only platform it is used on).

        A name without a platform is Anthropic's own, whatever the clouds call the model.
        """
        yield "id", self.id, None
        for alias in self.aliases:
            yield "aliases", alias, None
        own = {self.id, *self.aliases}
        clouds = (
            ("bedrock_id", self.bedrock_id, "bedrock"),
            ("mantle_id", self.mantle_id, "bedrock"),
            ("vertex_id", self.vertex_id, "vertex"),
        )
        for key, name, platform in clouds:
            if name is not None and name not in own:
                yield key, name, platform

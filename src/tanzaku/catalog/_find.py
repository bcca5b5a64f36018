"""Which model a name means."""

import difflib
from functools import lru_cache
from typing import Final

from tanzaku.catalog._load import Name, load_catalog
from tanzaku.catalog._models import Model, Tier
from tanzaku.catalog.errors import UnknownModelError, UnknownTierError

# Inference profiles: the place comes before the model's Bedrock id. [AUG claude-on-amazon-bedrock;
# `in` from genai-prices 0.2.3]
PROFILES: Final = ("global", "us", "eu", "jp", "apac", "au", "in", "us-gov")
"""Where a Bedrock inference profile lets a model answer."""


def get_model(name: str) -> Model:
    """The model of an id, an alias, a Bedrock id (with or without `global.`, `us.`, ...) or a
    Google id; raises UnknownModelError."""
    return resolve_name(name).model


def list_models() -> list[Model]:
    """All models, the two Haikus first, the retired ones last."""
    return list(load_catalog().models)


def get_tier(name: str) -> Tier:
    """The usage tier `start`, `build` or `scale`; raises UnknownTierError."""
    tiers = load_catalog().tiers
    if name not in tiers:
        raise UnknownTierError(
            "Unknown tier `{name}`.", hint="Known are {tiers}.", name=name, tiers=", ".join(tiers)
        )
    return tiers[name]


@lru_cache(maxsize=1024)
def resolve_name(name: str) -> Name:
    """What a name says: the model, and the platform and place where it tells them.

    A Bedrock id without a profile names the model inside one region.
    """
    names = load_catalog().names
    place, dot, rest = name.partition(".")
    if dot and place in PROFILES and rest in names and names[rest].platform == "bedrock":
        geo = "global" if place == "global" else "regional"
        return Name(names[rest].model, "bedrock", geo)
    found = names.get(name)
    if found is None:
        undated, _, tail = name.rpartition("-")
        is_dated = tail.isdigit() and undated in names
        near = undated if is_dated else "".join(difflib.get_close_matches(name, names, n=1))
        raise UnknownModelError(
            "Unknown model `{name}`.",
            hint="Did you mean `{near}`?" if near else "`tanzaku models` lists them.",
            name=name,
            near=near,
        )
    if found.platform == "bedrock":
        return Name(found.model, "bedrock", "regional")
    return found

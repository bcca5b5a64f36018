"""What a key may do, made ready to be asked at every call."""

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import unquote

from tanzaku.core import format_rfc3339
from tanzaku.gateway._asked import COUNT_TOKENS, MESSAGES, READ_PATHS
from tanzaku.gateway._stages import Asked
from tanzaku.gateway.keys._record import KeyRecord
from tanzaku.transport import redact_text
from tanzaku.wire import ApiError, parse_body

MESSAGES_FAMILY: Final = (MESSAGES, COUNT_TOKENS, "/v1/models", "/v1/models/*")
_BATCHES: Final = "/messages/batches"
_CLOUD_MODEL: Final = re.compile(r"/model/([^/]+)/")
# An upstream may read such a path as another than the one it matches here.
_CROOKED: Final = re.compile(r"//|\\|%2f|%5c|/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_NAMES_NO_MODEL: Final = re.compile(r"/v1/files(?:/.*)?|/v1/messages/batches/[^/]+/cancel")
_SHOWN: Final = 80
_LONGEST_NUMBER: Final = 10**18


class Rights:
    """What the holder of a key may do. Limits of models and tokens hold for every call that makes
    something (POST): one that does not say in a readable way what it asks for is refused.
    """

    def __init__(self, record: KeyRecord) -> None:
        self._id = record.id
        self._expires_at = record.expires_at
        self._cap = record.max_tokens
        self._paths = record.paths or MESSAGES_FAMILY
        self._plain_paths = frozenset(self._paths)
        self._path_pattern = _compile(self._paths)
        self._models = record.models
        self._model_pattern = _compile(record.models)
        self._networks = [ip_network(network) for network in record.ips]

    def check(self, asked: Asked) -> None:
        """ApiError 403 for what the key may not do; the message names it and who can change that,
        and holds no key. ApiError 400 for a body that may be read in two ways."""
        if self._expires_at is not None and asked.now >= self._expires_at:
            raise self._refuse(f"expired at {format_rfc3339(self._expires_at)}", "--days N")
        if asked.path not in self._plain_paths and not self._matches_path(asked.path):
            allowed = ", ".join(self._paths)
            raise self._refuse(f"may not use {_show(asked.path)}, only {allowed}", "--path PATH")
        if self._networks and not self._is_within(asked.request.peer):
            peer = asked.request.peer or "inside"
            raise self._refuse(f"may not be used from the address {peer}", "--ip NETWORK")
        is_limited = self._cap is not None or bool(self._models)
        if is_limited and asked.request.method == "POST":
            self._check_asked(asked)

    def _check_asked(self, asked: Asked) -> None:
        if asked.params and asked.path not in READ_PATHS:
            parse_body(asked.body)  # of a key that stands twice an upstream may take the other one
        for params in _iter_params(asked):
            model = params.get("model")
            if self._models and not (isinstance(model, str) and self._model_pattern.match(model)):
                shown = f"the model {_show(model)}" if isinstance(model, str) else "none"
                allowed = ", ".join(self._models)
                raise self._refuse(f"may not use {shown}, only {allowed}", "--model MODEL")
            if self._cap is None or asked.path == COUNT_TOKENS:
                continue
            tokens = params.get("max_tokens")
            if type(tokens) is not int or tokens > self._cap:
                shown = str(tokens) if _is_short_number(tokens) else "what stands there"
                raise self._refuse(
                    f"may ask for {self._cap} max_tokens at most, not {shown}", "--max-tokens N"
                )

    def _matches_path(self, path: str) -> bool:
        return bool(self._path_pattern.match(path)) and not _CROOKED.search(path)

    def _is_within(self, peer: str) -> bool:
        address = _parse_address(peer)
        return address is not None and any(address in network for network in self._networks)

    def _refuse(self, why: str, way_out: str) -> ApiError:
        return ApiError(
            403,
            "permission_error",
            f"The key {self._id} {why}. Who has the admin token can change that: "
            f"tanzaku keys change {self._id} {way_out}",
        )


@lru_cache(maxsize=1024)
def _parse_address(peer: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(peer)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _compile(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


def _iter_params(asked: Asked) -> Iterator[Mapping[str, Any]]:
    """The parameters of every call that `asked` makes; empty ones for a call that cannot be read."""
    path = unquote(asked.path).rstrip("/")  # as an upstream may read it
    if _NAMES_NO_MODEL.fullmatch(path):
        return
    if path.endswith(_BATCHES):
        requests = asked.params.get("requests")
        for item in requests if isinstance(requests, list) and requests else [None]:
            params = item.get("params") if isinstance(item, dict) else None
            yield params if isinstance(params, dict) else {}
        return
    cloud = _CLOUD_MODEL.match(asked.path)
    yield asked.params if cloud is None else {**asked.params, "model": unquote(cloud[1])}


def _show(text: str) -> str:
    text = redact_text(text[:_SHOWN])
    return text if text.isprintable() else ascii(text)


def _is_short_number(value: object) -> bool:
    return type(value) is int and abs(value) < _LONGEST_NUMBER

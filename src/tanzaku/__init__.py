"""Tanzaku: the workbench for engineers who ship software on Claude Haiku 4.5.

The names below are loaded on first use; `import tanzaku` itself costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tanzaku.catalog import Model, Price, count_tokens, get_model, list_models, price
    from tanzaku.core import VERSION as __version__
    from tanzaku.core import SystemClock, UserError, VirtualClock
    from tanzaku.exchange import Exchange
    from tanzaku.ledger import Ledger
    from tanzaku.server import Server
    from tanzaku.simulator import Simulator
    from tanzaku.wire import validate

__all__ = [
    "Exchange",
    "Ledger",
    "Model",
    "Price",
    "Server",
    "Simulator",
    "SystemClock",
    "UserError",
    "VirtualClock",
    "__version__",
    "count_tokens",
    "get_model",
    "list_models",
    "price",
    "validate",
]

_HOMES = {
    "Exchange": "exchange",
    "Ledger": "ledger",
    "Model": "catalog",
    "Price": "catalog",
    "Server": "server",
    "Simulator": "simulator",
    "SystemClock": "core",
    "UserError": "core",
    "VirtualClock": "core",
    "count_tokens": "catalog",
    "get_model": "catalog",
    "list_models": "catalog",
    "price": "catalog",
    "validate": "wire",
}


def __getattr__(name: str) -> object:
    value: object
    if name == "__version__":
        value = import_module("tanzaku.core").VERSION
    elif name in _HOMES:
        value = getattr(import_module(f"tanzaku.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'tanzaku' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

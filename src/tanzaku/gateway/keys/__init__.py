"""Virtual keys: who may ask for what, without the upstream's key."""

from tanzaku.gateway.keys._admin import (
    ADMIN_HEADER,
    ADMIN_VARIABLE,
    check_admin,
    find_token_file,
    load_admin_token,
    read_object,
    read_token_file,
    reply,
)
from tanzaku.gateway.keys._owners import Owners
from tanzaku.gateway.keys._record import PREFIX, KeyRecord
from tanzaku.gateway.keys._ring import Keyring
from tanzaku.gateway.keys._routes import KEYS, KeyRoutes

__all__ = [
    "ADMIN_HEADER",
    "ADMIN_VARIABLE",
    "KEYS",
    "PREFIX",
    "KeyRecord",
    "KeyRoutes",
    "Keyring",
    "Owners",
    "check_admin",
    "find_token_file",
    "load_admin_token",
    "read_object",
    "read_token_file",
    "reply",
]

"""What goes wrong in the catalog.

TanzakuError
├── TokenWorkerError         the process that counts long texts is gone
└── UserError
    ├── CatalogFileError     models.toml says something the catalog cannot read
    ├── UnknownModelError    no such model
    ├── UnknownTierError     no such usage tier
    └── UnpricedUsageError   a usage, or a part of one, whose price is not known
"""

from tanzaku.core import TanzakuError, UserError


class CatalogFileError(UserError):
    """`models.toml` is wrong; the message names file, line and key."""


class UnknownModelError(UserError):
    """No model of that name is in the catalog; the hint names the nearest."""


class UnknownTierError(UserError):
    """No usage tier of that name is in the catalog; the hint names those that are."""


class UnpricedUsageError(UserError):
    """The price of this usage, or of one part of it, is not known. It is never taken as zero."""


class TokenWorkerError(TanzakuError):
    """The process that counts long texts died again and again, or was closed."""

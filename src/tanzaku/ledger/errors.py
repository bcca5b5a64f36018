"""What goes wrong in the ledger.

TanzakuError
├── LedgerError          an event was not written, or a query not answered: full disk, read-only or
│   │                    damaged file, closed, an id kept already, an amount that is not exact
│   └── StorageError     none could be written, whatever it was: the storage is to blame
└── UserError            a file that cannot be opened as a ledger, an id that names no exchange
"""

from tanzaku.core import TanzakuError


class LedgerError(TanzakuError):
    """The ledger did not do this one thing. It stays usable and tries again the next time."""


class StorageError(LedgerError):
    """The storage took nothing."""

"""What goes wrong in the ledger.

TanzakuError
├── LedgerError          an event was not written: full disk, read-only file, closed, cost not exact
└── UserError            a file that cannot be opened as a ledger, an id that names no exchange
"""

from tanzaku.core import TanzakuError


class LedgerError(TanzakuError):
    """An event was not made durable. The ledger itself stays usable and tries again next time."""

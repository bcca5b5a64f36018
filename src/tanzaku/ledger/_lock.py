"""One writer process for a ledger's file, held by an operating-system lock.

The lock is on a file of its own: closing any descriptor of the database would drop SQLite's own
POSIX locks on it.
"""

import os
import sys
from pathlib import Path

from tanzaku.core import UserError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class WriterLock:
    """Held from construction to `release`, or until the process ends in any way.

    The file `<ledger>.lock` names the holder's process id and stays behind, empty of meaning.
    """

    def __init__(self, ledger: Path) -> None:
        path = ledger.with_name(f"{ledger.name}.lock")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _try_lock(self._descriptor)
        except OSError as error:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise UserError(
                "The ledger {path} is being written by process {process}."
                if holder
                else "The ledger {path} is being written by another process.",
                hint="Stop that process, or choose another file with --ledger. "
                "`tanzaku log` can read it meanwhile.",
                path=ledger,
                process=holder,
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, b"%d\n" % os.getpid())

    def release(self) -> None:
        os.close(self._descriptor)

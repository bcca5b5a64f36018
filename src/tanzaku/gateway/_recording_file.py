"""A recording that is being written: whole lines only, by a thread of its own."""

import json
import logging
import os
from io import FileIO
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

from tanzaku.core import UserError
from tanzaku.exchange import (
    RecordedExchange,
    decode_recording,
    encode_exchange,
    encode_recording_header,
)
from tanzaku.gateway._recorded import Heard, build_recorded

_LOG = logging.getLogger(__name__)
_MOST_WAITING_BYTES = 64 * 1024 * 1024
_BLOCK_BYTES = 64 * 1024


class RecordingFile:
    """Appends exchanges to `path`; a new file (mode 0600) begins with the header, as of `now`.

    A last line that a crash has torn is taken off. UserError when the file is no recording, of
    another format, or cannot be written. One process at a time may write it.
    """

    def __init__(self, path: Path, now: float) -> None:
        self._path = path
        self._file = _open(path, now)

    def append(self, exchange: RecordedExchange) -> None:
        """Write one line. OSError when it cannot be written; none of it is left then."""
        _write_whole(self._file, encode_exchange(exchange))

    def close(self) -> None:
        """Give the file back once the disk has it."""
        os.fsync(self._file.fileno())
        self._file.close()


class RecordingThread:
    """Writes what it is given to a file, in order, while the givers go on."""

    def __init__(self, file: RecordingFile) -> None:
        self._file = file
        self._queue: SimpleQueue[Heard | None] = SimpleQueue()
        self._lock = Lock()
        self._waiting_bytes = 0
        self._is_failing = False
        self._thread = Thread(target=self._run, name="tanzaku-recording", daemon=True)
        self._thread.start()

    def put(self, heard: Heard) -> None:
        """Enqueue, without waiting. While 64 MiB wait for a slow disk nothing more is taken."""
        size = _measure(heard)
        with self._lock:
            is_taken = self._waiting_bytes + size <= _MOST_WAITING_BYTES
            if is_taken:
                self._waiting_bytes += size
        if is_taken:
            self._queue.put(heard)
        else:
            _LOG.warning("not recorded, for too much waits to be written: %s", _name(heard))

    def close(self) -> None:
        """Write all that waits, and end."""
        self._queue.put(None)
        self._thread.join()
        self._file.close()

    def _run(self) -> None:
        while (heard := self._queue.get()) is not None:
            self._write(heard)
            with self._lock:
                self._waiting_bytes -= _measure(heard)

    def _write(self, heard: Heard) -> None:
        try:
            exchange = build_recorded(heard)
            if exchange is None:
                _LOG.warning("not recorded, for its body cannot be decoded: %s", _name(heard))
                return
            self._file.append(exchange)
        except OSError as error:
            if not self._is_failing:
                _LOG.warning("the recording cannot be written: %s", error)
            self._is_failing = True
        except Exception:  # noqa: BLE001 - one that cannot be told must not end the recording
            _LOG.exception("not recorded: %s", _name(heard))
        else:
            self._is_failing = False


def _open(path: Path, now: float) -> FileIO:
    try:
        file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "rb+")
        try:
            _prepare(file, path, now)
        except BaseException:
            file.close()
            raise
    except OSError as error:
        raise UserError(
            "The recording {path} cannot be opened: {reason}",
            hint="Check that its folder exists and may be written.",
            path=path,
            reason=error.strerror or error,
        ) from error
    return file


def _prepare(file: FileIO, path: Path, now: float) -> None:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        _write_whole(file, encode_recording_header(now))
        return
    file.seek(0)
    first = file.read(_BLOCK_BYTES).partition(b"\n")[0]
    decode_recording(first + b"\n", str(path))
    end = _find_last_line(file, size)
    file.seek(end)
    rest = file.read(size - end)
    if not rest:
        return
    try:
        json.loads(rest)
    except ValueError:
        file.truncate(end)
        _LOG.warning("%s: the last line was torn and is taken off (%d bytes)", path, len(rest))
    else:
        _write_whole(file, b"\n")


def _find_last_line(file: FileIO, size: int) -> int:
    """Where the bytes after the last line break begin."""
    end = size
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


def _write_whole(file: FileIO, line: bytes) -> None:
    size = os.fstat(file.fileno()).st_size
    written = 0
    try:
        written = file.write(line)
    finally:
        if written != len(line):
            file.truncate(size)
    if written != len(line):
        raise OSError("there is no room for a whole line")


def _measure(heard: Heard) -> int:
    return len(heard.request.body) + sum(len(chunk) for _, chunk in heard.chunks)


def _name(heard: Heard) -> str:
    return f"{heard.request.method} {heard.request.path}"

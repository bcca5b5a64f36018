"""Schemathesis as a process of its own, in a folder that is gone afterwards."""

import asyncio
import contextlib
import os
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tanzaku.core import UserError
from tanzaku.workbench.fuzz._config import Settings
from tanzaku.workbench.fuzz._read import Failure, read_failures

LONGEST_S: Final = 3600
_GRACE_S: Final = 60
_FOUND_SOME: Final = 1
_START: Final = "from schemathesis.cli import schemathesis; schemathesis()"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`trouble` is what Schemathesis said when it could not do its work."""

    failures: tuple[Failure, ...]
    examples: int
    seconds: float
    trouble: str | None


async def fuzz(document: Path, settings: Settings, max_time_s: int | None) -> Outcome:
    """Try everything in the document at `document`, an absolute path, and tell what failed. UserError when Schemathesis is not installed; it is
    ended a minute after `max_time_s`, or after an hour."""
    if find_spec("schemathesis") is None:
        raise UserError(
            "Fuzzing needs the package {package}.",
            hint="pip install 'tanzaku[fuzz]'",
            package="schemathesis",
        )
    begin = time.monotonic()
    with TemporaryDirectory(prefix="tanzaku-fuzz-") as name:
        folder = Path(name)
        (folder / "schemathesis.toml").write_text(settings.text, encoding="utf-8")
        words = ["run", str(document), "--no-color", "--report-ndjson-path", "log.ndjson"]
        if max_time_s is not None:
            words += ["--max-time", str(max_time_s)]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _START, "--config-file", "schemathesis.toml", *words),
            cwd=folder,
            env=os.environ | settings.environ | {"PYTHONUTF8": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        longest = LONGEST_S if max_time_s is None else max_time_s + _GRACE_S
        said, code = await _wait(process, longest)
        failures, examples = await asyncio.to_thread(read_failures, folder / "log.ndjson")
    is_broken = code not in {0, _FOUND_SOME} or (code == _FOUND_SOME and not failures)
    return Outcome(
        tuple(failures), examples, time.monotonic() - begin, said[-2000:] if is_broken else None
    )


async def _wait(process: asyncio.subprocess.Process, longest_s: float) -> tuple[str, int]:
    try:
        async with asyncio.timeout(longest_s):
            said, _ = await process.communicate()
    except TimeoutError:
        await _end(process)
        return "", 0
    except asyncio.CancelledError:
        await _end(process)
        raise
    return said.decode("utf-8", "replace"), process.returncode or 0


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()

"""A PostgreSQL server for tests, started from the machine's own binaries, on a Unix socket alone."""

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import psycopg

_OPTIONS = {
    "listen_addresses": "", "fsync": "off", "full_page_writes": "off", "autovacuum": "off",
    "shared_buffers": "16MB", "max_connections": "40", "log_min_messages": "fatal",
}  # fmt: skip


def find_postgres() -> Path | None:
    """The folder with `initdb` and `postgres`, None where there is none."""
    found = shutil.which("postgres")
    if found is not None and Path(found).with_name("initdb").exists():
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return folders[-1].parent if folders else None


class PostgresServer:
    """A running server; `url` names one of its databases."""

    def __init__(self, binaries: Path, folder: Path, user: str) -> None:
        self._binaries = binaries
        self._folder = folder
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{self._user}@{quote(str(self._folder), safe='')}/{database}"

    def run(self, *statements: str) -> None:
        """Statements of one's own, outside any transaction."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def start(self) -> None:
        # The server ends with whoever holds the pipe, however that ends.
        words = ["sh", "-c", '"$@" & cat; kill -QUIT $!; wait', "sh"]
        words += [str(self._binaries / "postgres"), "-D", str(self._folder / "data")]
        words += ["-k", str(self._folder)]
        for name, value in _OPTIONS.items():
            words += ["-c", f"{name}={value}"]
        self._process = subprocess.Popen(
            words,
            user=_other_user(),
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                self.run("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "postgres did not start"
            else:
                return

    def stop(self) -> None:
        """At once, as a crash would."""
        assert self._process is not None
        self._process.communicate()


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """A new cluster in a folder of its own, gone afterwards."""
    binaries = find_postgres()
    assert binaries is not None
    user = _other_user()
    with TemporaryDirectory(prefix="tanzaku-pg-", dir="/tmp") as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        subprocess.run(
            [binaries / "initdb", "-D", folder / "data", "-A", "trust", "-E", "UTF8", "-N",
             "--locale=C.UTF-8"],
            user=user, cwd=folder, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        server = PostgresServer(binaries, folder, user or pwd.getpwuid(os.geteuid()).pw_name)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _other_user() -> str | None:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"

"""Disks that a test fills up under a running server, and makes room on again."""

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallFileSystem:
    """Eight megabytes of memory, mounted at `folder`; only root may. Skips where nobody may."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def mount(self) -> None:
        words = ["mount", "-t", "tmpfs", "-o", "size=8m", "tanzaku-test", str(self.folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a limit on file sizes stands in for a full disk: {done.stderr.strip()}")

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def fill(self, pid: int) -> None:
        file = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for size in (1 << 16, 1):
                self._write_on(file, bytes(size))
        finally:
            os.close(file)

    def free(self, pid: int) -> None:
        self._ballast.unlink()

    @staticmethod
    def _write_on(file: int, piece: bytes) -> None:
        try:
            while os.write(file, piece):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


class FileSizeLimit:
    """No file of the server may grow past 4096 bytes while it is full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self) -> None:
        pass

    def unmount(self) -> None:
        pass

    def fill(self, pid: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    def free(self, pid: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


type Disk = SmallFileSystem | FileSizeLimit


@contextmanager
def open_disk(kind: type[Disk], folder: Path) -> Iterator[Disk]:
    folder.mkdir()
    disk = kind(folder)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()

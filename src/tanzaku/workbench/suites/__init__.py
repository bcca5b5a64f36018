"""Suites: cases with what each must answer, by rows of data, and which of them are chosen."""

from tanzaku.workbench.suites._choose import Choice, Shard, parse_shard
from tanzaku.workbench.suites._data import load_rows
from tanzaku.workbench.suites._read import SUFFIX, find_suites, load_suite
from tanzaku.workbench.suites._suite import KINDS, Budget, Case, Suite

__all__ = [
    "KINDS",
    "SUFFIX",
    "Budget",
    "Case",
    "Choice",
    "Shard",
    "Suite",
    "find_suites",
    "load_rows",
    "load_suite",
    "parse_shard",
]

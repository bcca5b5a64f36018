"""Suites: cases with what each must answer, by rows of data, and which of them are chosen."""

from tanzaku.workbench.suites._choose import Choice, Shard, parse_shard
from tanzaku.workbench.suites._read import SUFFIX, find_suites, load_suite
from tanzaku.workbench.suites._suite import KINDS, Case, Suite

__all__ = [
    "KINDS",
    "SUFFIX",
    "Case",
    "Choice",
    "Shard",
    "Suite",
    "find_suites",
    "load_suite",
    "parse_shard",
]

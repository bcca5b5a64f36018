"""What the tokenizer leaves in memory."""

import subprocess
import sys

COUNT_EVIDENCE = """
import gc
from tanzaku.catalog import preload_tokens
preload_tokens("v3")
preload_tokens("v4.8")
gc.collect()
print([
    len(table)
    for table in gc.get_objects()
    if type(table) is dict and len(table) > 100
    for evidence in [next(iter(table.values()))]
    if type(evidence) is dict and "probe" in evidence
])
"""


def test_the_evidence_for_each_piece_does_not_stay_in_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT_EVIDENCE], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"

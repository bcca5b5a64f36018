"""Whether an upstream is well, learnt from probes. A pure machine."""

from typing import Final

_FAILURES: Final = 2


class Health:
    """Down after two failed probes in a row, well again after one that did not fail."""

    def __init__(self) -> None:
        self._failures = 0

    @property
    def is_down(self) -> bool:
        return self._failures >= _FAILURES

    def note(self, *, is_well: bool) -> None:
        """What a probe found."""
        self._failures = 0 if is_well else self._failures + 1

"""What the API would refuse a request for."""

from dataclasses import dataclass
from typing import override

EXTRA = "Extra inputs are not permitted"


@dataclass(frozen=True, slots=True)
class Violation:
    """One reason to refuse; `str()` is the text of the API's error.

    `path` is empty where the API names no place. `is_guess`: the text, or that this is refused at
    all, has no primary source.
    """

    path: str
    message: str
    status: int = 400
    error_type: str = "invalid_request_error"
    is_guess: bool = False

    @property
    def is_extra(self) -> bool:
        """Whether it refuses a field that is not known: the request can be read all the same."""
        return self.message == EXTRA

    @override
    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

"""The root of every error Tanzaku raises.

TanzakuError
├── UserError            what a person can mend: message, way out, exit code
└── (each room's own, in its errors.py)
"""


class TanzakuError(Exception):
    """Anything Tanzaku raises on purpose."""


class UserError(TanzakuError):
    """A mistake a person can mend: `message` says what and where, `hint` the way out.

    The command line prints both and ends with `exit_code` (2 = bad input, 1 = the run failed).
    """

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

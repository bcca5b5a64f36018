"""The root of every error Tanzaku raises.

TanzakuError
├── UserError            what a person can mend: message, way out, exit code
│   └── InputFileError   a YAML file given to Tanzaku is wrong
└── (each room's own, in its errors.py)
"""

from collections.abc import Mapping


class TanzakuError(Exception):
    """Anything Tanzaku raises on purpose."""


class UserError(TanzakuError):
    """A mistake a person can mend: what is wrong and where, and the way out.

    `template` and `hint` are English sentences with `{name}` places that `values` fill; without
    values a brace is just a brace. The attributes `message` and `hint` are the filled texts,
    `template` and `hint_template` the keys under which `look` keeps the translations. The command
    line prints both in the run's language and ends with `exit_code` (2 = bad input, 1 = the run
    failed).
    """

    def __init__(
        self, template: str, *, hint: str = "", exit_code: int = 2, **values: object
    ) -> None:
        self.template = template
        self.hint_template = hint
        self.exit_code = exit_code
        self.values = values
        self.message = fill(template, values)
        self.hint = fill(hint, values)
        super().__init__(self.message)


class InputFileError(UserError):
    """A file a person wrote is wrong; the message starts with `file:line:column` (both counted
    from 1) wherever a line is to blame."""


def fill(template: str, values: Mapping[str, object]) -> str:
    """`template` with its `{name}` places filled; unchanged when there are no values."""
    return template.format_map(values) if values else template

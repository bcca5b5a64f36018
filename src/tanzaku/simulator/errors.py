"""What goes wrong in the simulator.

TanzakuError
└── UserError
    └── InputFileError       a YAML file the simulator is given is wrong
"""

from tanzaku.core import UserError


class InputFileError(UserError):
    """A scenario, mock set or fault file is wrong; the message starts with `file:line:column`
    (both counted from 1) wherever a line is to blame."""

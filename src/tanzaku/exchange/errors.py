"""What goes wrong with the files of this room.

TanzakuError
└── UserError
    └── RecordingError       a recording cannot be read; its message starts with `file:line`
"""

from tanzaku.core import UserError


class RecordingError(UserError):
    """A line of a recording is wrong; the message starts with `file:line`, counted from 1."""

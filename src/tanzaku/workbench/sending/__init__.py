"""A request sent, and the reply to it as a client sees it."""

from tanzaku.workbench.sending._json_problem import JsonFault, JsonProblem, find_json_problem
from tanzaku.workbench.sending._mask import Mask
from tanzaku.workbench.sending._plain import restore, to_plain
from tanzaku.workbench.sending._read import ReadMessage
from tanzaku.workbench.sending._reply import Reply, TimedFrame, Trouble
from tanzaku.workbench.sending._sender import MAX_BODY_BYTES, TIMEOUT_S, Sender
from tanzaku.workbench.sending._snippets import SnippetLanguage, render_snippet

__all__ = [
    "MAX_BODY_BYTES",
    "TIMEOUT_S",
    "JsonFault",
    "JsonProblem",
    "Mask",
    "ReadMessage",
    "Reply",
    "Sender",
    "SnippetLanguage",
    "TimedFrame",
    "Trouble",
    "find_json_problem",
    "render_snippet",
    "restore",
    "to_plain",
]

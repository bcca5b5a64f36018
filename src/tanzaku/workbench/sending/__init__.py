"""A request sent, and the reply to it as a client sees it."""

from tanzaku.workbench.sending._reply import Reply, TimedFrame
from tanzaku.workbench.sending._sender import Sender

__all__ = ["Reply", "Sender", "TimedFrame"]

"""Files: what is known of each over time (pure), the form they come in, the files that messages
name, and the HTTP calls."""

from tanzaku.simulator.files._api import MAX_UPLOAD_BODY_BYTES, FilesApi
from tanzaku.simulator.files._library import FileLibrary

__all__ = ["MAX_UPLOAD_BODY_BYTES", "FileLibrary", "FilesApi"]

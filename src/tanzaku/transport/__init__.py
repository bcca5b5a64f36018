"""Moving bytes: the streaming client, the guarded server, limits, redaction."""

from tanzaku.transport._http import Handler, HeaderList, HttpRequest, HttpResponse, get_header

__all__ = ["Handler", "HeaderList", "HttpRequest", "HttpResponse", "get_header"]

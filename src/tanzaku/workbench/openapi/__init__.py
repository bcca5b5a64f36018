"""OpenAPI documents: read, imported as requests, written of our own API; curl, `.http`, HAR, pytest."""

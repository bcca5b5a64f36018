"""What the server returns, as typed dictionaries. Nothing checks them: unknown fields pass through.

Source: SDK 2.12.0 `types`. Times are RFC 3339 strings. A field the server may leave out or send as
null is not required here.
"""

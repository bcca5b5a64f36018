"""What a client sends, as typed dictionaries that carry the API's own constraints.

Source: SDK 2.12.0 `types/*_param(s).py` for names, types and which fields are required; the OpenAPI
description of May 2026 for ranges, lengths and patterns.
"""

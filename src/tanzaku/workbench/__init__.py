"""The workbench: a project of plain files, and what is done with it.

The way through it: `project` (files, variables, requests) → `sending` (a request and its reply) →
`openapi` (documents in and out) → `cases` (generation) → `assertions` → `flows` → `suites` →
`runner` → `reports`, with `docs` and `fuzz` on top.
"""

__all__: list[str] = []

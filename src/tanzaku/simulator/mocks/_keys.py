"""Every key a mocks file may hold, under the names the published JSON Schema gives its parts.

`docs/schemas/mocks.schema.json` says the same for editors; a test holds the two together.
"""

from typing import Final

FILE: Final = ("tools", "runs")
TOOL: Final = ("description", "input_schema", "default", "sets")
OUTCOME: Final = ("result", "error", "hang", "latency_s")
SET: Final = (*OUTCOME, "cases")
CASE: Final = ("when", *OUTCOME)
SEQUENCE: Final = ("sequence", "then")
VALUE_CONDITION: Final = ("equals", "contains", "regex")
ERROR: Final = ("message", "status", "body", "retry_after_s")
LATENCY: Final = ("median", "spread")
THEN: Final = ("stay", "cycle")

SUCCESS: Final = "success"
TIMEOUT: Final = "timeout"
BAD_ARGS: Final = "bad_args"

"""Which beta names unlock which parts of a request.

A name is matched by its stem, the part before its date. Source: SDK 2.12.0 `types/beta` and
`anthropic_beta_param.py`; the pairing is the SDK's documentation, for `billing_policy` a guess.
"""

from collections.abc import Collection

FIELDS = {
    "billing_policy": ("user-profiles-billing",),
    "compaction": ("compact",),
    "context_management": ("context-management", "compact"),
    "fallback_credit_token": ("fallback-credit",),
    "fallbacks": ("server-side-fallback",),
    "mcp_servers": ("mcp-client",),
    "thread": ("message-threads",),
}
"""Field of the body → stems of the betas that allow it."""

TYPES = {
    "bash_20241022": ("computer-use",),
    "compaction": ("compact",),
    "computer_20241022": ("computer-use",),
    "computer_20250124": ("computer-use",),
    "computer_20251124": ("computer-use",),
    "fallback": ("server-side-fallback",),
    "mcp_tool_listing": ("mcp-client",),
    "mcp_tool_result": ("mcp-client",),
    "mcp_tool_use": ("mcp-client",),
    "mcp_toolset": ("mcp-client",),
    "text_editor_20241022": ("computer-use",),
}
"""`type` of a block or a tool → stems of the betas that allow it."""

TASK_BUDGET = ("task-budgets",)
TURN_OUTPUT_CONFIG = ("mid-conversation-output-config",)
INTERLEAVED_THINKING = ("interleaved-thinking",)
LONG_BATCH_OUTPUT = ("output-300k",)

_DATE_LENGTH = len("-2026-01-01")


def is_unlocked(stems: tuple[str, ...], betas: Collection[str]) -> bool:
    return any(beta[:-_DATE_LENGTH] in stems for beta in betas)

"""The headers Tanzaku adds for itself; a real upstream never sees one."""

LABEL_PREFIX = "tanzaku-"
RULE_HEADER = "tanzaku-rule"
EXCHANGE_ID_HEADER = "tanzaku-exchange-id"
TRACE_HEADER = "tanzaku-trace"
VIOLATIONS_HEADER = "tanzaku-violations"

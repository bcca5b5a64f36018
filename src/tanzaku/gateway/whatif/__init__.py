"""What recorded traffic would have cost otherwise, and what of it would be refused."""

from tanzaku.gateway.whatif._past import Past, read_export, read_ledger
from tanzaku.gateway.whatif._refusals import Reason
from tanzaku.gateway.whatif._whatif import By, Question, Row, WhatIf

__all__ = ["By", "Past", "Question", "Reason", "Row", "WhatIf", "read_export", "read_ledger"]

"""Cases generated from an OpenAPI document and the rules no schema can state; their coverage."""

from tanzaku.workbench.cases._coverage import Coverage, OperationCoverage
from tanzaku.workbench.cases._generate import MAX_CASES, Generated, Wanted, generate
from tanzaku.workbench.cases._patches import build_patch, fits_yaml, write_value
from tanzaku.workbench.cases._project import Plan, find_sources, pick_document, plan_generation
from tanzaku.workbench.cases._regenerate import CaseChange, ChangeKind, FilePlan
from tanzaku.workbench.cases._target import RequestSource

__all__ = [
    "MAX_CASES",
    "CaseChange",
    "ChangeKind",
    "Coverage",
    "FilePlan",
    "Generated",
    "OperationCoverage",
    "Plan",
    "RequestSource",
    "Wanted",
    "build_patch",
    "find_sources",
    "fits_yaml",
    "generate",
    "pick_document",
    "plan_generation",
    "write_value",
]

"""Cases of several requests."""

from collections.abc import Mapping
from typing import Any

from tanzaku.workbench.cases._files import FlowFile, SuiteFile
from tanzaku.workbench.cases._resources import Resources
from tanzaku.workbench.openapi import Document


def list_state_suites(
    document: Document, resources: Resources, requests: Mapping[str, Any], folder: str
) -> tuple[list[SuiteFile], list[FlowFile]]:
    return [], []

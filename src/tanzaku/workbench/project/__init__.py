"""A project of plain files: `tanzaku.yaml`, environments, requests, variables.

`load_project` finds it, `load_environment` and `load_request` read its parts, `build_request` makes
what is sent. Every mistake is an InputFileError that begins with file:line:column.
"""

from tanzaku.workbench.project._auth import Auth
from tanzaku.workbench.project._comparing import is_same
from tanzaku.workbench.project._documents import find_file, read_document
from tanzaku.workbench.project._entries import merge_patch
from tanzaku.workbench.project._environments import (
    Environment,
    SimulatorDefaults,
    load_environment,
)
from tanzaku.workbench.project._first_files import read_schemas, write_first_files
from tanzaku.workbench.project._formatting import format_document
from tanzaku.workbench.project._project import PROJECT_FILE, Project, find_root, load_project
from tanzaku.workbench.project._requests import RequestFile, build_request, load_request
from tanzaku.workbench.project._templates import Condition, Template, evaluate, fill_places
from tanzaku.workbench.project._variables import MissingVariableError, Scope
from tanzaku.workbench.project._writing import (
    parse_for_editing,
    prepare_yaml,
    render_edited,
    render_yaml,
    write_text,
)

__all__ = [
    "PROJECT_FILE",
    "Auth",
    "Condition",
    "Environment",
    "MissingVariableError",
    "Project",
    "RequestFile",
    "Scope",
    "SimulatorDefaults",
    "Template",
    "build_request",
    "evaluate",
    "fill_places",
    "find_file",
    "find_root",
    "format_document",
    "is_same",
    "load_environment",
    "load_project",
    "load_request",
    "merge_patch",
    "parse_for_editing",
    "prepare_yaml",
    "read_document",
    "read_schemas",
    "render_edited",
    "render_yaml",
    "write_first_files",
    "write_text",
]

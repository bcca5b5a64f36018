"""Projects of the workbench, written for one test."""

from pathlib import Path

from tanzaku.workbench.project import (
    Environment,
    Project,
    RequestFile,
    load_environment,
    load_project,
    load_request,
)

PROJECT = "tanzaku: project/v1\nenvironment: mock\nvariables: {model: claude-haiku-4-5}\n"
MOCK = """\
tanzaku: environment/v1
upstream: simulator
headers: {anthropic-version: 2023-06-01}
auth: {type: api_key, in: header, name: x-api-key, value: local}
"""
REQUEST = """\
tanzaku: request/v1
method: POST
path: /v1/messages
body:
  model: "{{model}}"
  max_tokens: 100
  messages: [{role: user, content: "{{city | default('北京')}} 今天天气怎么样？"}]
"""


def write_project(root: Path, files: dict[str, str | bytes] | None = None) -> Path:
    """A project with one environment and one request, and `files` beside or in their place."""
    given: dict[str, str | bytes] = {
        "tanzaku.yaml": PROJECT,
        "environments/mock.yaml": MOCK,
        "requests/ask.yaml": REQUEST,
    }
    for name, content in (given | (files or {})).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def load_all(
    root: Path, environ: dict[str, str] | None = None, request: str = "requests/ask.yaml"
) -> tuple[Project, Environment, RequestFile]:
    """The project, its default environment and one request."""
    project = load_project(root, environ or {})
    return project, load_environment(project), load_request(request, project.root)

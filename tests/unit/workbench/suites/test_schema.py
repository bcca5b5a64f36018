"""The published schema and the reader agree on what a suite is."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tanzaku.core import InputFileError
from tanzaku.workbench.suites import load_suite
from tanzaku.workbench.suites._read import _CASE, _DEFAULTS, _FIELDS

SCHEMA = json.loads(
    (Path(__file__).parents[4] / "docs/schemas/suite.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
WHOLE: dict[str, Any] = {
    "tanzaku": "suite/v1",
    "name": "天气",
    "tags": ["smoke"],
    "environment": "mock",
    "budget": {"usd": 0.5, "output_tokens": 100},
    "defaults": {
        "before": "r.yaml",
        "use": "r.yaml",
        "scenario": "r.yaml",
        "mocks": ["r.yaml"],
        "vars": {"a": 1},
        "with": {"body": {"x": None}},
        "expect": [{"status": 200}],
        "timeout_s": 0.5,
    },
    "data": "rows.json",
    "cases": [
        {
            "id": "one.Two_3-",
            "name": "一",
            "kind": "negative",
            "tags": ["a"],
            "vars": {},
            "before": "r.yaml",
            "use": "r.yaml",
            "with": {},
            "expect": [],
            "capture": {"id": "$.id"},
            "runs": 1000,
            "pass_rate": {"gte": 0},
            "budget": {},
            "timeout_s": 86400,
            "skip": "because",
            "origin": {"by": "generator"},
        },
        {"id": "flowing", "flow": "r.yaml"},
    ],
}


def read(root: Path, suite: Any) -> None:
    (root / "r.yaml").touch()
    (root / "rows.json").write_text('[{"a": 1}]')
    path = root / "s.suite.yaml"
    path.write_text(json.dumps(suite, ensure_ascii=False), encoding="utf-8")
    load_suite(path, root)


def test_the_schema_knows_every_key(tmp_path: Path) -> None:
    definitions = SCHEMA["definitions"]
    assert set(SCHEMA["properties"]) == {"tanzaku", *_FIELDS} == set(WHOLE)
    assert set(SCHEMA["properties"]["defaults"]["properties"]) == {*_DEFAULTS}
    assert set(definitions["case"]["properties"]) == {*_CASE}
    assert {*WHOLE["cases"][0]} | {"flow"} == {*_CASE}
    VALIDATOR.validate(WHOLE)
    read(tmp_path, WHOLE)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ("tanzaku", "suite/v2"),
        ("nmae", "x"),
        ("tags", ["a b"]),
        ("budget", {"usd": -1}),
        ("budget", {"output_tokens": 1.5}),
        ("budget", {"eur": 1}),
        ("data", "rows.xml"),
        ("defaults.flow", "r.yaml"),
        ("defaults.mocks", "r.yaml"),
        ("defaults.timeout_s", 0),
        ("cases.0.id", "-a"),
        ("cases.0.id", "a" * 129),
        ("cases.0.kind", "good"),
        ("cases.0.flow", "r.yaml"),
        ("cases.0.runs", 0),
        ("cases.0.runs", True),
        ("cases.0.pass_rate", {"gte": 1.1}),
        ("cases.0.pass_rate", {}),
        ("cases.0.expect", {"status": 200}),
        ("cases.0.skip", True),
        ("cases.0.origin", "generator"),
        ("cases.1.timeout_s", 86401),
        ("cases.1.before", "r.yaml"),
        ("cases.1.with", {}),
    ],
)
def test_both_refuse(tmp_path: Path, way: str, value: Any) -> None:
    suite = copy.deepcopy(WHOLE)
    *steps, last = way.split(".")
    below: Any = suite
    for step in steps:
        below = below[int(step) if step.isdigit() else step]
    below[last] = value
    assert not VALIDATOR.is_valid(suite)
    with pytest.raises(InputFileError):
        read(tmp_path, suite)

"""Each generated body is what its case says: right, or wrong in one place."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from harness.shop import load_schemas
from harness.shopped import generate_shop
from tanzaku.core.plain_yaml import read_yaml
from tanzaku.workbench.project import load_request


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    generate_shop(root)
    return root


def list_bodies(root: Path) -> list[tuple[str, str, Any]]:
    """(kind, rule, body) of each case of `createOrder` that sends JSON of its own."""
    suite = read_yaml(root / "suites/shop/create-order.suite.yaml").plain
    base = load_request(suite["defaults"]["use"], root)
    found = []
    for case in suite["cases"]:
        patch = case.get("with", {})
        if "body" in patch and patch["body"] is not None:
            body = base.patched({"body": patch["body"]}).entry.plain["body"]
            found.append((case["kind"], case["origin"]["rule"], fill(body)))
    return found


def fill(value: Any) -> Any:
    """Places of null as null."""
    if isinstance(value, dict):
        return {key: fill(one) for key, one in value.items()}
    if isinstance(value, list):
        return [fill(one) for one in value]
    return None if value == "{{null}}" else value


def test_right_bodies_fit_and_wrong_ones_do_not(root: Path) -> None:
    schema = {"$ref": "#/components/schemas/NewOrder", "components": {"schemas": load_schemas()}}
    judge = jsonschema_rs.validator_for(schema)
    bodies = list_bodies(root)
    assert len(bodies) > 100
    wrong = [(rule, body) for kind, rule, body in bodies if kind == "negative"]
    right = [(rule, body) for kind, rule, body in bodies if kind != "negative"]
    assert len(wrong) > 50
    assert len(right) > 50
    assert [rule for rule, body in right if not judge.is_valid(body)] == []
    for rule, body in wrong:
        ways = {tuple(error.instance_path) for error in judge.iter_errors(body)}
        assert len(ways) == 1, rule

"""The packed shapes of requests are those that pydantic makes of the types."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydantic_core
import pytest
from pydantic import TypeAdapter

from tanzaku.wire import MessageCreateParam, _schema, validate_shape

ROOT = Path(__file__).parents[3]
REQUESTS: list[dict[str, Any]] = [
    {},
    {"model": 1, "messages": "hello", "max_tokens": 0.5, "extra": True},
    {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "x"}]}]},
    {
        "model": "m",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": "a", "input_schema": {"type": "object"}}, {"type": "bash_1"}, 3],
        "system": [{"type": "text"}],
    },
    dict.fromkeys(MessageCreateParam.__annotations__, ...),
]


def test_the_packed_file_is_what_the_script_makes_of_the_types() -> None:
    place = ROOT / "scripts" / "pack_shapes.py"
    spec = importlib.util.spec_from_file_location("pack_shapes", place)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PATH.read_text("utf-8") == script.render_shapes()


@pytest.mark.parametrize("request_at", range(len(REQUESTS)))
@pytest.mark.parametrize("kind", ["messages", "count_tokens"])
def test_a_packed_shape_complains_as_pydantic_does(kind: Any, request_at: int) -> None:
    own = TypeAdapter(_schema.SHAPES[kind], config=_schema.CONFIG)
    packed = _schema._build_validator(kind)

    def complain(validator: Any) -> list[Any]:
        with pytest.raises(pydantic_core.ValidationError) as caught:
            validator.validate_python(REQUESTS[request_at])
        return caught.value.errors(include_url=False)

    assert complain(packed) == complain(own)


@pytest.mark.parametrize("kind", _schema.SHAPES)
def test_a_packed_shape_has_every_field_of_its_types(kind: Any) -> None:
    def list_fields(value: Any) -> list[str]:
        if isinstance(value, list | tuple):
            return [name for each in value for name in list_fields(each)]
        if not isinstance(value, dict):
            return []
        own = [*value["fields"]] if value.get("type") == "typed-dict" else []
        return sorted([*own, *(name for each in value.values() for name in list_fields(each))])

    made = TypeAdapter(_schema.SHAPES[kind], config=_schema.CONFIG).core_schema
    assert list_fields(_schema._load_shapes()[kind]) == list_fields(made)


def test_with_another_pydantic_the_shapes_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = [validate_shape(request) for request in REQUESTS]
    monkeypatch.setattr(pydantic_core, "__version__", "0.0")
    _schema._build_validator.cache_clear()
    try:
        assert [validate_shape(request) for request in REQUESTS] == usual
    finally:
        _schema._build_validator.cache_clear()


def test_checking_a_request_does_not_load_pydantic() -> None:
    code = "import sys, tanzaku.wire as w; w.validate({}, None); print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"

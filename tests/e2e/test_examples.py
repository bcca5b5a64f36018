"""The programs of examples/ run, unmodified, on the SDK they were written for."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tanzaku.server import Server

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
OLD_PYTHON = ROOT / "tests" / "clients" / "sdk071" / ".venv" / "bin" / "python"

PYTHONS = [
    pytest.param(sys.executable, "", id="sdk-2.12"),
    pytest.param(str(OLD_PYTHON), "october_2025", id="sdk-0.71", marks=pytest.mark.needs("sdk071")),
]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def run_example(server: Server, python: str, path: Path) -> str:
    """Standard output of one program; its standard error on failure."""
    done = subprocess.run(
        [python, str(path)],
        env={
            "PATH": os.environ["PATH"],
            "ANTHROPIC_BASE_URL": server.url,
            "ANTHROPIC_API_KEY": "test-key",
            "PYTHONUTF8": "1",
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def find_example(folder: str, name: str) -> Path:
    own = EXAMPLES / folder / name
    return own if own.exists() else EXAMPLES / name


def test_every_example_is_run_here() -> None:
    """No program lies in examples/ that no test runs."""
    source = Path(__file__).read_text(encoding="utf-8")
    names = {path.name for path in EXAMPLES.rglob("*.py")}
    assert names == {name for name in names if f'"{name}"' in source}


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_each_readme_names_every_program(readme: str) -> None:
    text = (EXAMPLES / readme).read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+\.py)` \|", text, re.MULTILINE))
    assert named == {path.name for path in EXAMPLES.glob("*.py")}


@pytest.mark.parametrize(("python", "folder"), PYTHONS)
def test_first_call_prints_an_answer(server: Server, python: str, folder: str) -> None:
    out = run_example(server, python, find_example(folder, "first_call.py"))
    (exchange,) = server.requests
    assert exchange.body["messages"][0]["content"] == "Hello, Claude Haiku 4.5!"
    assert exchange.body.get("temperature") == (0.7 if folder else None)
    assert "Hello" in out


def test_parameters_modern(server: Server) -> None:
    out = run_example(server, sys.executable, EXAMPLES / "parameters.py").splitlines()
    assert out == [
        "max_tokens=12: max_tokens, 12 tokens out",
        "stop_sequences=['5']: stop_sequence at '5'",
        "temperature=0.2 under 2023-06-01: end_turn",
        "temperature=0.2 under 2026-10-21: temperature: Extra inputs are not permitted",
    ]


@pytest.mark.needs("sdk071")
def test_parameters_as_in_october_2025(server: Server) -> None:
    out = run_example(server, str(OLD_PYTHON), EXAMPLES / "october_2025" / "parameters.py")
    assert out.splitlines() == [
        "{'temperature': 0.2}: max_tokens, 12 tokens out",
        "{'temperature': 1.0}: max_tokens, 12 tokens out",
        "{'top_p': 0.9}: max_tokens, 12 tokens out",
        "both: `temperature` and `top_p` cannot both be specified for this model."
        " Please use only one.",
    ]


@pytest.mark.parametrize(("python", "folder"), PYTHONS)
def test_fibonacci_answers_with_a_function_that_works(
    server: Server, python: str, folder: str
) -> None:
    out = run_example(server, python, find_example(folder, "fibonacci.py"))
    code = re.search(r"```python\n(.*?)```", out, re.DOTALL)
    assert code is not None
    function = next(n for n in ast.parse(code[1]).body if isinstance(n, ast.FunctionDef))
    namespace: dict[str, object] = {}
    exec(code[1], namespace)
    fibonacci = namespace[function.name]
    assert callable(fibonacci)
    assert [fibonacci(n) for n in range(10)] == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]


@pytest.mark.parametrize(("python", "folder"), PYTHONS)
def test_retry_with_backoff_survives_two_overloads(
    server: Server, python: str, folder: str
) -> None:
    server.fail(529, times=2)
    out = run_example(server, python, find_example(folder, "retry_with_backoff.py"))
    assert out.splitlines() == [
        "attempt 1: OverloadedError; waiting 1 s",
        "attempt 2: OverloadedError; waiting 2 s",
        "answered: end_turn",
    ]
    assert len(server.requests) == 3


@pytest.mark.parametrize(("python", "folder"), PYTHONS)
def test_calculator_tool_is_asked_for_15_times_23(server: Server, python: str, folder: str) -> None:
    call, answer = run_example(
        server, python, find_example(folder, "calculator_tool.py")
    ).splitlines()
    assert call.replace(" ", "") == "calculator(15*23)=345"
    assert "345" in answer


@pytest.mark.parametrize(
    ("python", "folder", "calls"),
    [
        (*PYTHONS[0].values, 4),
        pytest.param(*PYTHONS[1].values, 2, marks=pytest.mark.needs("sdk071")),
    ],
)
def test_parallel_subtasks_all_come_back(
    server: Server, python: str, folder: str, calls: int
) -> None:
    out = run_example(server, python, find_example(folder, "parallel_subtasks.py"))
    assert len(server.requests) == calls == len(re.findall(r"^\[", out, re.MULTILINE))
    assert "[获取用户数据]" in out


@pytest.mark.parametrize(("python", "folder"), PYTHONS)
def test_support_reply_answers_in_the_customers_language(
    server: Server, python: str, folder: str
) -> None:
    out = run_example(server, python, find_example(folder, "support_reply.py"))
    is_chinese = re.search(r"[\u4e00-\u9fff]", out) is not None
    assert is_chinese == bool(folder)
    assert len(server.requests) == (1 if folder else 3)


@pytest.mark.parametrize(("python", "folder"), PYTHONS)
def test_cached_prompts_ask_once(server: Server, python: str, folder: str) -> None:
    out = run_example(server, python, find_example(folder, "cached_prompts.py"))
    assert out.splitlines() == ["same answer: True", "calls paid for: 2"]
    assert len(server.requests) == 2


def test_tool_mocks_show_the_loop_what_tools_may_do(server: Server) -> None:
    out = run_example(server, sys.executable, EXAMPLES / "tool_mocks.py").splitlines()
    tools = [line.partition(" ")[0] for line in out if line[:1].isalpha()]
    assert tools == [
        "payment_query[success]",
        "payment_query[timeout]",
        "payment_query[bad_args]",
        "payment_query[refunded]",
        "parcel_tracking[success]",
        "parcel_tracking[in_customs]",
        "parcel_tracking[unavailable]",
    ]
    answers = [line for line in out if line.startswith("  end_turn: ")]
    assert len(answers) == len(tools)
    for answer, told in zip(
        answers,
        [
            "支付成功",
            "did not answer within 10 s",
            "参数错误",
            "已退款",
            "运输中",
            "清关中",
            "维护中",
        ],
        strict=True,
    ):
        assert told in answer
    assert server.requests == []

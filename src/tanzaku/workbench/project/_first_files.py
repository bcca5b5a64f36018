"""What a new project consists of, and its writing."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from tanzaku.core import UserError
from tanzaku.workbench.project._project import PROJECT_FILE

type Tongue = Literal["en", "zh-CN"]

SCHEMAS: Final = "schemas"
FOLDERS: Final = ("flows", "mocks", "workloads", "data", "openapi", "baselines")

_IGNORED: Final = "environments/.env\n.tanzaku/\n"
_EN: Final = {
    "name": "my project",
    "budget": "the most one execution may cost, in dollars",
    "globals": "for all environments; --var and an environment's own come first",
    "mock": "mock",
    "mock.note": "The simulator answers: no key, no network, no cost.",
    "live": "live",
    "live.note": "The paid API answers, and only when --live is said as well.",
    "secret.note": "where the key is, never the key itself; environments/.env is read too",
    "request": "Ask about the weather",
    "question": "What is the weather in {{city}}?",
    "city": "Paris",
    "prompt": "You are a weather assistant.\\nAnswer in one sentence.\\n",
    "suite": "First cases",
    "answers": "An answer in one sentence",
    "bad": "Without messages it is refused",
    "scenario.note": "What the simulator answers. See docs/scenarios.md.",
    "answer": "It is sunny, 21 °C.",
    "contains": "sunny",
}
_ZH: Final = {
    "name": "我的项目",
    "budget": "一次执行最多花多少美元",
    "globals": "所有环境共用；--var 和环境自己的变量优先",
    "mock": "模拟环境",
    "mock.note": "由模拟器应答：不需要密钥和网络，不产生费用。",
    "live": "真实环境",
    "live.note": "由收费的 API 应答，并且只有加上 --live 才会发送。",
    "secret.note": "只写密钥在哪里，绝不写密钥本身；也会读取 environments/.env",
    "request": "询问天气",
    "question": "{{city}}今天天气怎么样？",
    "city": "北京",
    "prompt": "你是天气助手。\\n用一句话回答。\\n",
    "suite": "第一批用例",
    "answers": "正常：用一句话回答",
    "bad": "异常：缺少 messages 会被拒绝",
    "scenario.note": "模拟器的应答，见 docs/scenarios.md。",
    "answer": "今天晴，21 ℃。",
    "contains": "晴",
}
_TEXTS: Final[Mapping[Tongue, Mapping[str, str]]] = {"en": _EN, "zh-CN": _ZH}


def build_first_files(tongue: Tongue) -> dict[str, str]:
    """The files of a new project by their path, in the language's words and laid out."""
    # 50 ms of import, which who makes no project need not pay.
    from tanzaku.wire import VERSION_2026_10_21

    say = _TEXTS[tongue]
    found = {
        PROJECT_FILE: f"""\
tanzaku: project/v1
name: {say["name"]}
environment: mock
# {say["globals"]}
variables:
  model: claude-haiku-4-5
  city: {say["city"]}
seed: 1
budget: {{usd: 1.00}}  # {say["budget"]}
""",
        "environments/mock.yaml": f"""\
# {say["mock.note"]}
tanzaku: environment/v1
name: {say["mock"]}
upstream: simulator
headers: {{anthropic-version: {VERSION_2026_10_21}}}
auth: {{type: api_key, in: header, name: x-api-key, value: local}}
simulator: {{scenario: scenarios/first.yaml}}
""",
        "environments/live.yaml": f"""\
# {say["live.note"]}
tanzaku: environment/v1
name: {say["live"]}
upstream: live
headers: {{anthropic-version: {VERSION_2026_10_21}}}
auth: {{type: api_key, in: header, name: x-api-key, value: "{{{{secret.ANTHROPIC_API_KEY}}}}"}}
# {say["secret.note"]}
secrets:
  ANTHROPIC_API_KEY: {{env: ANTHROPIC_API_KEY}}
""",
        "requests/ask.yaml": f"""\
tanzaku: request/v1
name: {say["request"]}
method: POST
path: /v1/messages
body:
  model: "{{{{model}}}}"
  max_tokens: 200
  system: {{file: prompts/system.md}}
  messages:
    - role: user
      content: "{say["question"]}"
""",
        "prompts/system.md": say["prompt"].replace("\\n", "\n"),
        "suites/first.suite.yaml": f"""\
tanzaku: suite/v1
name: {say["suite"]}
defaults: {{use: requests/ask.yaml}}
cases:
  - id: answers
    name: {say["answers"]}
    kind: positive
    expect:
      - status: 200
      - stop_reason: end_turn
      - contains: {say["contains"]}
      - usage.output_tokens: {{lte: 200}}

  - id: no-messages
    name: {say["bad"]}
    kind: negative
    with: {{body: {{messages: null}}}}
    expect:
      - status: 400
      - error.type: invalid_request_error
""",
        "scenarios/first.yaml": f"""\
# {say["scenario.note"]}
rules:
  - id: weather
    reply: {say["answer"]}
""",
        ".gitignore": _IGNORED,
    }
    return {name: _add_modeline(name, text) for name, text in found.items()} | {
        f"{folder}/.gitkeep": "" for folder in FOLDERS
    }


def read_schemas() -> dict[str, str]:
    """The JSON Schemas of a project's files, which editors use, by the files' names."""
    folder = files("tanzaku.workbench").joinpath("schemas")
    return {one.name: one.read_text("utf-8") for one in folder.iterdir() if one.is_file()}


def write_first_files(root: Path, tongue: Tongue) -> list[str]:
    """Make a project in `root` and return its files, those for editors left out. UserError, with
    nothing written, when any of them is there already."""
    made = build_first_files(tongue)
    everything = made | {f"{SCHEMAS}/{name}": text for name, text in read_schemas().items()}
    for name in everything:
        if (root / name).exists() or (root / name).is_symlink():
            raise UserError(
                "{file} is there already; nothing was written.",
                hint="Name another folder: `tanzaku init DIR`.",
                file=root / name,
            )
    for name, text in everything.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    return [name for name in made if not name.endswith(".gitkeep")]


def _add_modeline(name: str, text: str) -> str:
    kind = text.partition("tanzaku: ")[2].partition("/v1")[0]
    if f"{kind}.schema.json" not in read_schemas():
        return text
    up = "../" * name.count("/")
    gap = "\n" if text.startswith("#") else ""
    return f"# yaml-language-server: $schema={up}{SCHEMAS}/{kind}.schema.json\n{gap}{text}"

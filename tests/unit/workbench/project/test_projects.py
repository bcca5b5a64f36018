"""Projects, environments and secrets: found, read, and refused with a way out."""

from decimal import Decimal
from pathlib import Path

import pytest

from harness.projects import MOCK, load_all, write_project
from tanzaku.core import UserError
from tanzaku.workbench.project import (
    SimulatorDefaults,
    build_request,
    load_environment,
    load_project,
)

LIVE = """\
tanzaku: environment/v1
name: 真实
upstream: live
variables: {city: 北京}
auth: {type: api_key, name: x-api-key, value: "{{secret.KEY}}"}
secrets: {KEY: {env: MY_KEY}, OTHER: {file: ../keys/other.txt}}
"""


def test_a_project_is_found_from_anything_in_it(tmp_path: Path) -> None:
    write_project(
        tmp_path / "shop",
        {
            "tanzaku.yaml": "tanzaku: project/v1\nname: 订单\nenvironment: live\nseed: 7\n"
            "variables: {v: 2023-06-01, n: 3, list: [1]}\nbudget: {usd: 0.1}\n",
            "environments/live.yml": LIVE,
            "suites/deep/x.suite.yaml": "",
        },
    )
    root = tmp_path / "shop"
    for start in (
        root,
        root / "tanzaku.yaml",
        root / "suites/deep/x.suite.yaml",
        root / "suites/no",
    ):
        project = load_project(start, {})
        assert project.root == root
        assert (project.name, project.seed, project.budget_usd) == ("订单", 7, Decimal("0.1"))
        assert project.variables == {"v": "2023-06-01", "n": 3, "list": [1]}
        assert list(project.environments) == ["live", "mock"]
        assert project.default_environment == "live"
    assert load_environment(project).id == "live"
    assert load_environment(project, "mock").upstream == "simulator"


def test_a_project_that_says_little(tmp_path: Path) -> None:
    write_project(tmp_path / "little", {"tanzaku.yaml": "tanzaku: project/v1\n"})
    project = load_project(tmp_path / "little", {})
    assert (project.name, project.seed, project.budget_usd) == ("little", 0, None)
    assert project.default_environment == "mock"


def test_the_only_environment_is_the_default_one(tmp_path: Path) -> None:
    (tmp_path / "tanzaku.yaml").write_text("tanzaku: project/v1\n")
    (tmp_path / "environments").mkdir()
    text = "tanzaku: environment/v1\nupstream: simulator\n"
    (tmp_path / "environments" / "a.yaml").write_text(text)
    assert load_environment(load_project(tmp_path)).id == "a"
    (tmp_path / "environments" / "b.yaml").write_text(text)
    with pytest.raises(UserError, match="names no environment"):
        load_environment(load_project(tmp_path))


def test_variables_of_the_environment_come_before_the_projects(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "tanzaku.yaml": "tanzaku: project/v1\nenvironment: mock\nvariables: {a: 1, b: 1, c: 1}\n",
            "environments/mock.yaml": MOCK + "variables: {a: 2, b: 2}\n",
        },
    )
    _, environment, _ = load_all(tmp_path)
    scope = environment.scope.with_temporary({"a": 3})
    assert [scope.find(name) for name in "abc"] == [3, 2, 1]


def test_a_simulator_is_told_what_to_play(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "environments/mock.yaml": MOCK
            + "simulator: {scenario: scenarios/a.yaml, mocks: [mocks/b.yaml], pace: fast, faults: f.yaml}\n",
            "scenarios/a.yaml": "",
            "mocks/b.yaml": "",
            "f.yaml": "",
        },
    )
    _, environment, _ = load_all(tmp_path)
    assert environment.simulator == SimulatorDefaults(
        tmp_path / "scenarios/a.yaml", (tmp_path / "mocks/b.yaml",), "fast", tmp_path / "f.yaml"
    )


@pytest.mark.parametrize(
    ("environ", "dotenv", "key"),
    [
        ({"MY_KEY": "from-environ"}, None, "from-environ"),
        ({"MY_KEY": "from-environ"}, "MY_KEY=from-file\n", "from-environ"),
        ({}, "# 注释\n\nexport MY_KEY='from file'\nOTHER=x=y\n", "from file"),
        ({"MY_KEY": ""}, 'MY_KEY="from=file"\r\n', "from=file"),
    ],
)
def test_secrets_come_from_the_environment_or_dotenv(
    tmp_path: Path, environ: dict[str, str], dotenv: str | None, key: str
) -> None:
    files: dict[str, str | bytes] = {"environments/mock.yaml": LIVE}
    if dotenv is not None:
        files["environments/.env"] = dotenv
    _, environment, file = load_all(write_project(tmp_path, files), environ)
    request = build_request(file, environment, environment.scope)
    assert dict(request.headers)[b"x-api-key"] == key.encode()
    assert environment.secrets.list_values() == [key]
    assert key not in f"{environment} {environment.scope} {environment.secrets}"


def test_a_secret_may_lie_in_a_file_outside_the_project(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/other.txt").write_text("of the file\n", encoding="utf-8")
    write_project(tmp_path / "p", {"environments/mock.yaml": LIVE})
    _, environment, _ = load_all(tmp_path / "p")
    assert environment.secrets["OTHER"] == "of the file"


def test_a_missing_secret_says_who_needs_it_and_where_it_goes(tmp_path: Path) -> None:
    _, environment, file = load_all(write_project(tmp_path, {"environments/mock.yaml": LIVE}))
    with pytest.raises(UserError) as caught:
        build_request(file, environment, environment.scope)
    at = f"{tmp_path}/environments/mock.yaml"
    assert caught.value.message.startswith(f"{at}:5:47: the secret `KEY` is not set: {at}:6:22 ")
    assert "environment variable MY_KEY" in caught.value.message
    assert "environments/.env" in caught.value.hint
    patch = {"headers": {"x-other": "{{secret.OTHER}}", "x-api-key": None}, "auth": "none"}
    with pytest.raises(UserError, match=r"from the file \.\./keys/other\.txt"):
        build_request(file, environment, environment.scope, patch)


@pytest.mark.parametrize(
    ("name", "text", "place", "words", "hint"),
    [
        (
            "tanzaku.yaml",
            "tanzaku: project/v1\nenvironment: mcok\n",
            "2:14",
            "no environment `mcok`",
            "`mock`",
        ),
        ("tanzaku.yaml", "name: x\n", "1:1", "does not say what it is", "`tanzaku: project/v1`"),
        ("tanzaku.yaml", "tanzaku: project/v1\nseed: -1\n", "2:7", "whole number", ""),
        (
            "tanzaku.yaml",
            "tanzaku: project/v1\nbudget: {eur: 1}\n",
            "2:10",
            "unknown key `eur`",
            "usd",
        ),
        ("tanzaku.yaml", "tanzaku: project/v1\nbudget: {usd: -1}\n", "2:15", "number from 0", ""),
        (
            "tanzaku.yaml",
            "tanzaku: project/v1\nvariables: {a.b: 1}\n",
            "2:13",
            "name of a variable",
            "",
        ),
        (
            "tanzaku.yaml",
            "tanzaku: project/v1\nvariables: {secret: 1}\n",
            "2:13",
            "name of a variable",
            "",
        ),
        (
            "tanzaku.yaml",
            "tanzaku: project/v1\nvariables: {a: [x, '{{b}}']}\n",
            "2:20",
            "not filled",
            "",
        ),
        (
            "environments/mock.yaml",
            "tanzaku: environment/v1\n",
            "1:1",
            "lacks the key `upstream`",
            "",
        ),
        (
            "environments/mock.yaml",
            "tanzaku: environment/v1\nupstream: url\n",
            "2:11",
            "needs a `base_url`",
            "",
        ),
        (
            "environments/mock.yaml",
            "tanzaku: environment/v1\nupstream: url\nbase_url: ftp://x\n",
            "3:11",
            "cannot be used",
            "",
        ),
        (
            "environments/mock.yaml",
            "tanzaku: environment/v1\nupstream: url\nbase_url: https://u:topsecret@x/\n",
            "3:11",
            "must not carry a user name",
            "",
        ),
        (
            "environments/mock.yaml",
            MOCK + "base_url: http://x\n",
            "5:1",
            "has no `base_url`",
            "upstream: url",
        ),
        (
            "environments/mock.yaml",
            MOCK + "simulator: {scenario: s.yaml}\n",
            "5:23",
            "no file s.yaml",
            "",
        ),
        (
            "environments/mock.yaml",
            MOCK + "secrets: {KEY: topsecret}\n",
            "5:16",
            "where the secret is",
            "{env: KEY}",
        ),
        (
            "environments/mock.yaml",
            MOCK + "secrets: {KEY: {}}\n",
            "5:16",
            "one of `env` and `file`",
            "",
        ),
        ("environments/.env", "A=1\ntopsecret\n", "2:1", "`NAME=value`", ""),
        ("environments/.env", b"A=\xff\n", "", "not a readable UTF-8", ""),
    ],
)
def test_mistakes_have_a_place_and_a_way_out(
    tmp_path: Path, name: str, text: str | bytes, place: str, words: str, hint: str
) -> None:
    write_project(tmp_path, {name: text})
    with pytest.raises(UserError) as caught:
        load_environment(load_project(tmp_path, {}), "mock")
    error = caught.value
    assert error.message.startswith(
        f"{tmp_path}/{name}:{place}:" if place else f"{tmp_path}/{name}:"
    )
    assert words in error.message
    assert hint in error.hint
    assert "topsecret" not in f"{error.message} {error.hint} {error.values}"


def test_a_folder_without_a_project_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no folder|in no project") as caught:
        load_project(tmp_path, {})
    assert "tanzaku init" in caught.value.hint

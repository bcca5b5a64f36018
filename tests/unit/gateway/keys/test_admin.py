"""The admin token: where it comes from and what it opens."""

from pathlib import Path

import pytest

from tanzaku.core import UserError
from tanzaku.gateway.keys import check_admin, find_token_file, load_admin_token, read_token_file
from tanzaku.transport import HttpRequest, redact_text
from tanzaku.wire import ApiError

TOKEN = "a-token-of-the-team-2026"


def test_without_one_in_the_environment_a_token_is_made_for_the_owner_alone(tmp_path: Path) -> None:
    path = find_token_file(tmp_path / "data" / "ledger.db")
    assert path.parent == tmp_path / "data"
    token = load_admin_token(None, path)
    assert token is not None
    assert len(token) >= 43
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_admin_token("", path) == read_token_file(path) == token
    other = load_admin_token(None, tmp_path / "other")
    assert other != token


def test_the_one_in_the_environment_wins_and_is_written_nowhere(tmp_path: Path) -> None:
    assert load_admin_token(TOKEN, tmp_path / "token") == TOKEN
    assert list(tmp_path.iterdir()) == []


def test_a_server_without_a_ledger_file_has_none_of_its_own() -> None:
    assert load_admin_token(None, None) is None


def test_a_token_that_was_made_is_kept_out_of_logs(tmp_path: Path) -> None:
    token = load_admin_token(None, tmp_path / "token")
    assert token is not None
    assert token[-20:] not in redact_text(f"refused {token} for /_tanzaku/keys")


@pytest.mark.parametrize(
    "token",
    ["short", "a" * 15, "sixteen letters and a space", "sechzehn-Zeichen-ü", "a" * 20 + "\n"],
)
def test_a_poor_token_is_refused_and_not_repeated(token: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="16 letters") as refused:
        load_admin_token(token, tmp_path / "token")
    assert token not in str(refused.value)


def test_a_virtual_key_is_no_admin_token() -> None:
    with pytest.raises(UserError, match="is a virtual key"):
        load_admin_token("sk-tzk-" + "A" * 43, None)


@pytest.mark.requirement("K2")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    load_admin_token(None, path)
    path.chmod(mode)
    for load in (lambda: load_admin_token(None, path), lambda: read_token_file(path)):
        with pytest.raises(UserError, match="may be read by others") as refused:
            load()
        assert f"chmod 600 {path}" in refused.value.hint


def test_a_file_that_is_no_token_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    with pytest.raises(UserError, match="16 letters"):
        load_admin_token(None, path)
    with pytest.raises(UserError, match="cannot be used"):
        load_admin_token(None, tmp_path)
    with pytest.raises(UserError, match="cannot be used"):
        read_token_file(tmp_path / "missing")


@pytest.mark.parametrize(
    ("headers", "is_let_in"),
    [
        ([(b"tanzaku-admin-token", TOKEN.encode())], True),
        ([(b"authorization", b"Bearer " + TOKEN.encode())], True),
        ([(b"authorization", b"bearer  " + TOKEN.encode())], True),
        (
            [(b"authorization", b"Bearer sk-tzk-x"), (b"tanzaku-admin-token", TOKEN.encode())],
            True,
        ),
        (
            [(b"tanzaku-admin-token", b"wrong"), (b"authorization", b"Bearer " + TOKEN.encode())],
            False,
        ),
        ([], False),
        ([(b"tanzaku-admin-token", b"")], False),
        ([(b"tanzaku-admin-token", TOKEN[:-1].encode())], False),
        ([(b"tanzaku-admin-token", TOKEN.upper().encode())], False),
        ([(b"x-api-key", TOKEN.encode())], False),
        ([(b"cookie", b"tanzaku-admin-token=" + TOKEN.encode())], False),
        ([(b"authorization", b"Basic " + TOKEN.encode())], False),
        ([(b"authorization", TOKEN.encode())], False),
        ([(b"authorization", b"Bearer sk-tzk-" + b"A" * 43)], False),
    ],
    ids=range(14),
)
def test_the_token_opens_and_nothing_else_does(
    headers: list[tuple[bytes, bytes]], is_let_in: bool
) -> None:
    request = HttpRequest("GET", f"/_tanzaku/keys?token={TOKEN}", headers, TOKEN.encode())
    if is_let_in:
        check_admin(request, TOKEN)
        return
    with pytest.raises(ApiError) as refused:
        check_admin(request, TOKEN)
    assert (refused.value.status, refused.value.error_type) == (401, "authentication_error")


@pytest.mark.parametrize("token", [None, ""])
def test_a_server_without_a_token_lets_nobody_in(token: str | None) -> None:
    for given in (b"", b"None"):
        request = HttpRequest("GET", "/_tanzaku/keys", [(b"tanzaku-admin-token", given)], b"")
        with pytest.raises(ApiError, match="TANZAKU_ADMIN_TOKEN"):
            check_admin(request, token)

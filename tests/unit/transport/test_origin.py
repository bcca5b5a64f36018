"""Which Host and Origin may come in."""

import pytest

from tanzaku.transport import LOOPBACK_NAMES, HttpRequest, check_origin


def status_of(
    *headers: tuple[bytes, bytes], target: str = "/v1/messages", **options: object
) -> int | None:
    request = HttpRequest("POST", target, list(headers), b"")
    refusal = check_origin(request, **options)  # type: ignore[arg-type]
    return refusal.status if refusal else None


@pytest.mark.parametrize(
    "host",
    [b"localhost", b"localhost:4141", b"127.0.0.1:1", b"[::1]", b"[::1]:65535", b"LOCALHOST:80"],
)
def test_the_loopback_names_are_served_on_any_port(host: bytes) -> None:
    assert status_of((b"host", host)) is None


@pytest.mark.requirement("B2")
@pytest.mark.parametrize(
    "host",
    [
        b"evil.test", b"rebind.evil.test:4141", b"127.0.0.1.evil.test", b"localhost.evil.test",
        b"localhost/#@x", b"localhost#", b"x@localhost", b"localhost, evil.test", b"localhost.",
        b"localhost:", b"localhost:80:80", b"localhost:999999", b"127.1", b"0.0.0.0", b"[::]",
        b"2130706433", b"0x7f000001", b"[::ffff:127.0.0.1]", b"", b" localhost", b"local host",
        b"localhost\r\nx: y", "l\u00f6calhost".encode(),
    ],
)  # fmt: skip
def test_any_other_host_is_misdirected(host: bytes) -> None:
    assert status_of((b"host", host)) == 421


@pytest.mark.requirement("B2")
def test_a_request_without_or_with_two_hosts_is_misdirected() -> None:
    assert status_of() == 421
    assert status_of((b"host", b"localhost"), (b"host", b"localhost")) == 421


@pytest.mark.parametrize("target", ["http://localhost/v1/messages", "localhost:80", "*", ""])
def test_a_target_that_is_no_path_is_misdirected(target: str) -> None:
    assert status_of((b"host", b"localhost"), target=target) == 421


def test_configured_names_are_added_not_guessed() -> None:
    allowed = LOOPBACK_NAMES | {"tanzaku.internal"}
    assert status_of((b"host", b"Tanzaku.Internal:8080"), allowed_hosts=allowed) is None
    assert status_of((b"host", b"other.internal"), allowed_hosts=allowed) == 421
    assert status_of((b"host", b"tanzaku.internal")) == 421


@pytest.mark.requirement("B3")
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (b"http://localhost:4141", None),
        (b"http://LOCALHOST:4141", None),
        (b"https://localhost:4141", None),
        (b"http://localhost:3000", 403),
        (b"http://localhost", 403),
        (b"http://127.0.0.1:4141", 403),
        (b"http://evil.test", 403),
        (b"http://evil.test:4141", 403),
        (b"http://localhost:4141.evil.test", 403),
        (b"http://localhost:4141/", 403),
        (b"null", 403),
        (b"", 403),
        (b"file://", 403),
        (b"chrome-extension://abc", 403),
    ],
)
def test_a_page_may_call_only_the_server_it_came_from(origin: bytes, status: int | None) -> None:
    assert status_of((b"host", b"localhost:4141"), (b"origin", origin)) == status


@pytest.mark.requirement("B3")
@pytest.mark.parametrize(
    ("site", "status"),
    [(b"same-origin", None), (b"none", None), (b"cross-site", 403), (b"same-site", 403),
     (b"Cross-Site", 403), (b"cross-site ", 403), (b"", 403)],
)  # fmt: skip
def test_the_browsers_own_word_is_taken(site: bytes, status: int | None) -> None:
    assert status_of((b"host", b"localhost"), (b"sec-fetch-site", site)) == status


def test_a_second_origin_line_is_looked_at_too() -> None:
    good = (b"origin", b"http://localhost")
    assert status_of((b"host", b"localhost"), good, (b"origin", b"http://evil.test")) == 403

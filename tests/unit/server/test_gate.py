"""Who may reach a server, under which names, and who its own paths."""

import json
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tanzaku.core import UserError
from tanzaku.gateway.keys import find_token_file, load_admin_token
from tanzaku.server import Server, ServerOptions
from tanzaku.transport import find_reachable_addresses

TOKEN = "admin-token-0123456789"
WITH_TOKEN = {"TANZAKU_ADMIN_TOKEN": TOKEN}
CONFIG = "upstreams: {sim: {kind: simulator}}\nkeys: {required: true}\n"
VERSION = "anthropic-version: 2023-06-01"
MESSAGE = json.dumps(
    {"model": "claude-haiku-4-5", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
)


def talk(server: Server, head: str, body: str = "") -> tuple[int, dict[str, str], str]:
    """Say a request as it stands, line by line; status, headers and body of the answer."""
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    lines = [*head.splitlines(), f"content-length: {len(body)}", "connection: close", "", body]
    with socket.create_connection((host, int(port)), timeout=20) as sock:
        sock.sendall("\r\n".join(lines).encode())
        raw = b"".join(iter(lambda: sock.recv(65536), b"")).decode()
    top, _, content = raw.partition("\r\n\r\n")
    first, *rest = top.split("\r\n")
    named = dict(line.lower().split(": ", 1) for line in rest)
    return int(first.split()[1]), named, content


def ask(server: Server, target: str, *lines: str, method: str = "GET", body: str = "") -> int:
    head = "\n".join([f"{method} {target} HTTP/1.1", "host: localhost", VERSION, *lines])
    return talk(server, head, body)[0]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gate") / "gateway.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def server(config: Path) -> Iterator[Server]:
    """A server whose calls need a virtual key, behind a proxy that calls it by another name."""
    options = ServerOptions(
        config=config, environment=WITH_TOKEN, hosts=["Tanzaku.Internal", "[2001:db8::7]"]
    )
    with Server(options=options) as running:
        yield running


@pytest.mark.requirement("B1")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.test"])
def test_other_machines_are_let_in_only_where_that_is_said_and_a_token_is_there(
    host: str, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.db"
    for options in (
        ServerOptions(),
        ServerOptions(environment=WITH_TOKEN),
        ServerOptions(allow_remote=True),
        ServerOptions(allow_remote=True, environment={"TANZAKU_ADMIN_TOKEN": ""}),
    ):
        with pytest.raises(UserError) as refused:
            Server(host, ledger=ledger, options=options)
        assert host in refused.value.message
        assert refused.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("B1")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_with_both_they_are_let_in(host: str, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    allowed = ServerOptions(allow_remote=True)
    Server(host, options=replace(allowed, environment=WITH_TOKEN))
    load_admin_token(None, find_token_file(ledger))
    Server(host, ledger=ledger, options=allowed)
    find_token_file(ledger).chmod(0o644)
    with pytest.raises(UserError, match="may be read by others"):
        Server(host, ledger=ledger, options=allowed)


@pytest.mark.requirement("B1")
@pytest.mark.parametrize("host", ["tanzaku.internal", "127.0.0.1.evil.test", "999.1.1.1", ""])
def test_a_name_is_no_address_to_listen_on(host: str) -> None:
    options = ServerOptions(allow_remote=True, environment=WITH_TOKEN)
    with pytest.raises(UserError, match="no address to listen on"):
        Server(host, options=options)


def test_a_wildcard_leads_to_addresses_of_this_machine_and_any_other_to_itself() -> None:
    for host in ("0.0.0.0", "::"):
        for address in find_reachable_addresses(host):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 0))  # only an address of this machine can be
            assert address not in ("0.0.0.0", "::")
    assert find_reachable_addresses("192.0.2.1") == ["192.0.2.1"]


@pytest.mark.requirement("B2")
@pytest.mark.parametrize("name", ["http://x", "x:80", "x/y", "*", "", "x y", "[::1", "ä"])
def test_a_host_that_no_host_header_can_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="no name of a host"):
        Server(options=ServerOptions(hosts=[name]))


@pytest.mark.requirement("B2")
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("LOCALHOST:80", 200), ("127.0.0.1:4141", 200), ("[::1]", 200),
        ("tanzaku.internal", 200), ("TANZAKU.internal:8443", 200), ("[2001:db8::7]:443", 200),
        ("evil.test", 421), ("127.0.0.1.evil.test", 421), ("tanzaku.internal.evil.test", 421),
        ("tanzaku.internal.", 421), ("localhost.", 421), ("x@localhost", 400),
        ("localhost/#@x", 400), ("0.0.0.0", 421), ("[2001:db8::8]", 421), ("127.1", 421),
    ],
)  # fmt: skip
def test_a_foreign_host_reaches_nothing(server: Server, host: str, status: int) -> None:
    health = talk(server, f"GET /_tanzaku/health HTTP/1.1\nhost: {host}")
    assert health[0] == status
    if status == 421:
        head = f"POST /v1/messages HTTP/1.1\nhost: {host}\ncontent-type: application/json"
        told = talk(server, head, MESSAGE)
        assert (told[0], json.loads(told[2])["type"]) == (status, "error")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only 127.0.0.1 is there")
def test_a_server_answers_to_the_address_it_listens_on() -> None:
    with Server("127.0.0.2") as server:
        health = "GET /_tanzaku/health HTTP/1.1"
        assert talk(server, f"{health}\nhost: 127.0.0.2")[0] == 200
        assert talk(server, f"{health}\nhost: 127.0.0.3")[0] == 421


@pytest.mark.requirement("B2")
@pytest.mark.parametrize("target", ["http://localhost/_tanzaku/health", "http://evil.test/", "*"])
def test_a_target_that_is_no_path_reaches_nothing(server: Server, target: str) -> None:
    assert talk(server, f"GET {target} HTTP/1.1\nhost: localhost")[0] in (400, 421)


FOREIGN = ["origin: http://evil.test", "origin: null", "sec-fetch-site: cross-site"]


@pytest.mark.requirement("B3")
@pytest.mark.parametrize("line", [*FOREIGN, "sec-fetch-site: same-site"])
@pytest.mark.parametrize("target", ["/v1/messages", "/_tanzaku/keys", "/_tanzaku/faults"])
def test_a_foreign_page_gets_nothing_even_with_the_token(
    server: Server, target: str, line: str
) -> None:
    head = [f"host: localhost\n{line}", f"tanzaku-admin-token: {TOKEN}"]
    for method in ("POST", "GET", "OPTIONS"):
        top = f"{method} {target} HTTP/1.1\n" + "\n".join(head)
        status, headers, _ = talk(server, f"{top}\naccess-control-request-method: POST")
        assert status == 403
        assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.requirement("B5")
def test_no_answer_opens_a_door_for_other_pages(server: Server) -> None:
    same = f"origin: {server.url}"
    host = f"host: {server.url.removeprefix('http://')}"
    for target in ("/v1/models", "/_tanzaku/health"):
        _, headers, _ = talk(server, f"GET {target} HTTP/1.1\n{host}\n{same}")
        assert not [name for name in headers if name.startswith("access-control-")]


OWN = [
    "/_tanzaku/keys", "/_tanzaku/keys/key_x", "/_tanzaku/budgets", "/_tanzaku/routes",
    "/_tanzaku/exchanges", "/_tanzaku/exchanges/exch_x", "/_tanzaku/metrics", "/_tanzaku/faults",
    "/_tanzaku/scenario", "/_tanzaku/nothing", "/_tanzaku/",
]  # fmt: skip


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    head = "POST /_tanzaku/keys HTTP/1.1\nhost: localhost\ncontent-type: application/json"
    status, _, told = talk(
        server, f"{head}\ntanzaku-admin-token: {TOKEN}", json.dumps({"paths": ["/*"]})
    )
    assert status == 200
    made: str = json.loads(told)["key"]
    return made


@pytest.mark.requirement("B7")
@pytest.mark.parametrize("target", OWN)
def test_a_virtual_key_never_opens_tanzakus_own_paths(
    server: Server, key: str, target: str
) -> None:
    for proof in (
        f"x-api-key: {key}",
        f"authorization: Bearer {key}",
        f"tanzaku-admin-token: {key}",
        "accept: */*",
    ):
        assert ask(server, target, proof) == 401
        assert ask(server, target, proof, "content-type: application/json", method="PUT") == 401
    assert ask(server, target, f"tanzaku-admin-token: {TOKEN}") in (200, 404)


@pytest.mark.requirement("B7")
def test_the_admin_token_is_no_virtual_key(server: Server, key: str) -> None:
    kind = "content-type: application/json"
    for proof, status in (
        (f"x-api-key: {key}", 200),
        (f"authorization: Bearer {key}", 200),
        (f"x-api-key: {TOKEN}", 401),
        (f"authorization: Bearer {TOKEN}", 401),
        (f"tanzaku-admin-token: {TOKEN}", 401),
        (kind, 401),
    ):
        assert ask(server, "/v1/messages", kind, proof, method="POST", body=MESSAGE) == status
    assert ask(server, "/_tanzaku/health") == 200


@pytest.mark.requirement("B7")
def test_no_way_around_leads_from_the_api_to_the_admin_paths(server: Server, key: str) -> None:
    for target in (
        "/v1/../_tanzaku/keys", "/v1/%2e%2e/_tanzaku/keys", "/v1/..%2f_tanzaku/keys",
        "//_tanzaku/keys", "/_TANZAKU/keys", "/%5ftanzaku/keys", "/./_tanzaku/keys",
    ):  # fmt: skip
        head = f"GET {target} HTTP/1.1\nhost: localhost\nx-api-key: {key}"
        status, _, body = talk(server, head)
        assert status in (401, 403, 404)
        assert "key_" not in body or "may not use" in body


def test_where_no_key_is_needed_this_machine_may_look_but_not_manage(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("upstreams: {sim: {kind: simulator}}\n")
    with Server(options=ServerOptions(config=path, environment=WITH_TOKEN)) as server:
        assert ask(server, "/_tanzaku/exchanges") == 200
        assert ask(server, "/_tanzaku/keys") == 401
        path.write_text(CONFIG)
        reload = ("tanzaku-admin-token: " + TOKEN, "content-type: application/json")
        assert ask(server, "/_tanzaku/config/reload", *reload, method="POST", body="{}") == 200
        assert ask(server, "/_tanzaku/exchanges") == 401
        assert ask(server, "/v1/models") == 401


@pytest.mark.requirement("B6")
def test_what_tanzaku_answers_itself_is_shown_by_no_page_and_kept_by_no_cache(
    server: Server,
) -> None:
    names = ("health", "keys", "metrics", "faults", "nothing", "exchanges?limit=x")
    for target in (*(f"/_tanzaku/{name}" for name in names), "/elsewhere"):
        _, headers, _ = talk(
            server, f"GET {target} HTTP/1.1\nhost: localhost\ntanzaku-admin-token: {TOKEN}"
        )
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.requirement("K1")
def test_the_call_after_a_revocation_is_refused(server: Server) -> None:
    admin = (f"tanzaku-admin-token: {TOKEN}", "content-type: application/json")

    def post(path: str) -> dict[str, str]:
        head = "\n".join([f"POST /_tanzaku/keys{path} HTTP/1.1", "host: localhost", *admin])
        told: dict[str, str] = json.loads(talk(server, head, "{}")[2])
        return told

    made = post("")
    proof = f"x-api-key: {made['key']}"
    assert ask(server, "/v1/models", proof) == 200
    post(f"/{made['id']}/revoke")
    assert ask(server, "/v1/models", proof) == 401

"""Where the name of an upstream may lead, and that what was looked at is what is connected to."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tanzaku.core import SystemClock
from tanzaku.transport import ConnectError, HttpClient, HttpRequest, find_objection, read_all

type Run = Callable[[Coroutine[Any, Any, Any]], Any]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
NAME = "upstream.test"

PUBLIC = ["1.1.1.1", "160.79.104.10", "2606:4700::1111", "64:ff9b::101:101"]
PRIVATE = ["10.0.0.1", "172.16.3.4", "192.168.1.1", "198.18.0.7", "fd12::1", "64:ff9b::a00:1"]
NEVER = [
    "169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254",
    "100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0", "224.0.0.1", "255.255.255.255",
    "::", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::8.8.8.8", "2002:a9fe:a9fe::",
    "2001:0:1::", "64:ff9b::a9fe:a9fe",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_always_fine(address: str) -> None:
    assert find_objection(address, NAME, "public") is None
    assert find_objection(address, NAME, "private") is None


@pytest.mark.requirement("L5")
@pytest.mark.parametrize("address", [*PRIVATE, "127.0.0.1", "::1", "127.8.8.8"])
def test_a_private_network_and_this_machine_must_be_allowed(address: str) -> None:
    assert find_objection(address, NAME, "public") is not None
    assert find_objection(address, NAME, "private") is None


@pytest.mark.requirement("L5")
@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("host", [NAME, "localhost"])
def test_some_addresses_are_never_those_of_an_upstream(address: str, host: str) -> None:
    assert find_objection(address, host, "public") is not None
    assert find_objection(address, host, "private") is not None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "api.localhost"])
def test_a_host_that_says_it_is_this_machine_may_lead_there(host: str) -> None:
    assert find_objection("127.0.0.1", host, "public") is None
    assert find_objection("10.0.0.1", host, "public") is not None


@pytest.fixture
def resolve_to(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Stands in for the resolver of the running loop; what it gives back fills with the names it is
    asked for."""

    def install(*addresses: str) -> list[str]:
        asked: list[str] = []
        loop_type = type(asyncio.get_running_loop())
        real = loop_type.getaddrinfo

        async def resolve(loop: Any, host: Any, port: Any, *rest: Any, **options: Any) -> Any:
            if host != NAME:
                return await real(loop, host, port, *rest, **options)
            asked.append(host)
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
                for address in addresses
            ]

        monkeypatch.setattr(loop_type, "getaddrinfo", resolve)
        return asked

    return install


async def answer_once(link: Any) -> None:
    await link.read_request()
    await link.send(OK)


async def fetch(url: str, **options: Any) -> bytes:
    async with HttpClient(clock=SystemClock(), **options) as client:
        answer = await client.send(HttpRequest("GET", "/", [], b""), base_url=url)
        return await read_all(answer)


@pytest.mark.requirement("L5")
def test_a_name_that_leads_to_this_machine_is_not_connected_to(
    run: Run, upstream: Any, resolve_to: Any
) -> None:
    async def scenario() -> None:
        async with upstream(answer_once) as target:
            asked = resolve_to("127.0.0.1")
            url = f"http://{NAME}:{target.port}"
            with pytest.raises(ConnectError, match=r"upstream.test leads to 127\.0\.0\.1"):
                await fetch(url, reach="public")
            assert target.links == []
            assert await fetch(url, reach="private") == b"ok"
            assert asked == [NAME, NAME]

    run(scenario())


@pytest.mark.requirement("L5")
def test_of_several_addresses_only_the_allowed_ones_are_tried(
    run: Run, upstream: Any, resolve_to: Any
) -> None:
    async def scenario() -> None:
        async with upstream(answer_once) as target:
            resolve_to("169.254.169.254", "127.0.0.1")
            assert await fetch(f"http://{NAME}:{target.port}", reach="private") == b"ok"

    run(scenario())


@pytest.mark.requirement("L5")
@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1"])
def test_other_spellings_of_an_address_do_not_hide_it(run: Run, host: str) -> None:
    with pytest.raises(ConnectError, match="leads to"):
        run(fetch(f"http://{host}:9", reach="public"))

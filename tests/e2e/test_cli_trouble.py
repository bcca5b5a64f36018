"""`tanzaku` where something is odd: the terminal, the answer, the input, the place of the ledger."""

import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.command_line import TANZAKU, CommandLine
from tanzaku import Server

STEERING = "\x1b[31m red \x1b]0;title\x07 \x9b2J \u202e 短冊 🎋"
MESSAGE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message",'
    b'"role":"assistant","model":"another-model","content":[],"stop_reason":null,'
    b'"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"so far"}}\n\n'
)
END = (
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":3}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


@contextmanager
def answer_with(data: bytes, *, is_held: bool = False) -> Iterator[str]:
    """The URL of a server that sends `data` to one caller and ends, or holds the line."""
    done = threading.Event()

    def run() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(data)
            if is_held:
                done.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        done.set()
        thread.join()


def run_in_terminal(tanzaku: CommandLine, columns: int, *words: str) -> str:
    """What a terminal of `columns` would be sent, without its colours."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {
        "PATH": os.environ["PATH"],
        "XDG_DATA_HOME": str(tanzaku.data),
        "TERM": "xterm",
        "NO_COLOR": "1",
        "PYTHONUTF8": "1",
    }
    process = subprocess.Popen([TANZAKU, *words], env=environment, stdout=inner, stderr=inner)
    os.close(inner)
    out = bytearray()
    try:
        while chunk := os.read(outer, 65536):
            out += chunk
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(outer)
    assert process.wait() == 0
    return out.decode()


def test_a_narrow_terminal_shows_every_figure(tanzaku: CommandLine) -> None:
    tanzaku.run("send", "Hello", "--json")
    with Server(ledger=tanzaku.data / "tanzaku" / "ledger.db") as server:
        tanzaku.run("send", "Hello", "--url", server.url)
    (row,) = json.loads(tanzaku.run("log", "--json"))
    for columns in (40, 80, 120):
        out = run_in_terminal(tanzaku, columns, "log")
        assert f"${row['cost_usd']}" in " ".join(out.split())
        assert row["exchange_id"][:20] in out


def test_ids_that_log_shows_can_be_given_back(tanzaku: CommandLine) -> None:
    tanzaku.run("demo", "--ledger", str(tanzaku.data / "l.db"))
    at = ("--ledger", str(tanzaku.data / "l.db"))
    shown = [line.split()[0] for line in tanzaku.run("log", *at).splitlines() if " exch_" in line]
    assert len(shown) == len(set(shown)) == 11
    assert shown[0] in tanzaku.run("log", "show", shown[0], *at)


@pytest.mark.requirement("L9")
def test_an_answer_cannot_steer_the_terminal(tanzaku: CommandLine) -> None:
    with Server(ledger=tanzaku.data / "l.db") as server:
        server.say(STEERING, times=2)
        plain = tanzaku.run("send", STEERING, "--url", server.url)
        document = tanzaku.run("send", "Hi", "--json", "--url", server.url)
        refused = tanzaku.run("send", "Hi", "--model", "\x9b2J", "--url", server.url, exit_code=1)
        at = ("--ledger", str(tanzaku.data / "l.db"))
        newest = json.loads(tanzaku.run("log", "--json", *at))[-1]["exchange_id"]
        kept = tanzaku.run("log", "show", newest, *at)
        kept += tanzaku.run("log", "show", newest, "--json", *at) + tanzaku.run("log", *at)
    assert json.loads(document)["content"][0]["text"] == STEERING
    assert "短冊 🎋" in plain
    for out in (plain, document, refused, kept):
        assert not set(out) & set("\x1b\x07\x9b\u202e")


def test_a_stream_that_ends_early_is_said_to_be_broken(tanzaku: CommandLine) -> None:
    with answer_with(MESSAGE) as url:
        out = tanzaku.run("send", "Hi", "--url", url, exit_code=1)
    assert out.startswith("so far\n")
    assert "error: the stream broke off" in out


def read_figures(out: str) -> list[str]:
    return out.splitlines()[-1].split(" · ")[:3]


def test_a_model_without_a_known_price_is_answered_all_the_same(tanzaku: CommandLine) -> None:
    with answer_with(MESSAGE + END) as url:
        out = tanzaku.run("send", "Hi", "--url", url)
    assert read_figures(out) == ["another-model", "end_turn", "1 in, 3 out"]
    assert out.endswith("· -\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 9\r\n\r\n<p>hi</p>",
        b'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"foo":1}',
        b"HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\nevent: x\ndata: no JSON\n\n\n",
    ],
    ids=["html", "json", "no-json"],
)
def test_what_is_no_claude_gets_no_traceback(answer: bytes, tanzaku: CommandLine) -> None:
    with answer_with(answer) as url:
        out = tanzaku.run("send", "Hi", "--url", url, exit_code=1)
    assert "Traceback" not in out
    assert "error: " in out


def test_an_interrupt_in_the_middle_ends_with_130(tanzaku: CommandLine) -> None:
    with answer_with(MESSAGE, is_held=True) as url:
        process = tanzaku.start("send", "Hi", "--url", url)
        assert process.stdout
        assert process.stdout.read(6) == "so far"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sevre",), "没有 'sevre' 这个命令。 是不是想用 serve？"),
        (("log", "shw"), "没有 'shw' 这个命令。 是不是想用 show？"),
        (("models", "--josn"), "没有 '--josn' 这个选项。 是不是想用 --json？"),
        (("send",), "缺少 'PROMPT|REQUEST'"),
        (("send", "x", "--max-tokens", "0"), "'--max-tokens' 的值无效"),
        (("log", "show"), "用法见 `tanzaku log show --help`"),
    ],
)
def test_mistakes_in_the_words_are_said_in_chinese(
    words: tuple[str, ...], said: str, tanzaku: CommandLine
) -> None:
    assert said in tanzaku.run(*words, "--lang", "zh", exit_code=2)


@pytest.mark.parametrize("variable", ["TANZAKU_LANG", "LC_ALL", "LC_MESSAGES", "LANG"])
def test_the_environment_chooses_the_language(variable: str, tanzaku: CommandLine) -> None:
    tanzaku.environment = {variable: "zh_CN.UTF-8"}
    out = tanzaku.run("--help")
    assert all(word in out for word in ("用法：", "选项", "退出码：", variable))
    assert "Exit codes: 0" in tanzaku.run("--help", "--lang", "en")


@pytest.mark.parametrize("words", [("--lang", "fr", "models"), ("models", "--lang")])
def test_a_language_nobody_speaks_is_refused(words: tuple[str, ...], tanzaku: CommandLine) -> None:
    assert "en and zh" in tanzaku.run(*words, exit_code=2)


@pytest.mark.parametrize(
    ("share", "tokens", "said"), [("nan", "5", "0 to 1"), ("2", "5", "--cache-share")]
)
def test_a_share_that_is_none_is_refused(
    share: str, tokens: str, said: str, tanzaku: CommandLine
) -> None:
    words = ("--requests-per-day", "10", "--tokens-in", tokens, "--tokens-out", tokens)
    assert said in tanzaku.run("cost", "estimate", *words, "--cache-share", share, exit_code=2)


def test_nothing_costs_nothing(tanzaku: CommandLine) -> None:
    words = ("--requests-per-day", "10", "--tokens-in", "0", "--tokens-out", "0")
    assert "$0.00" in tanzaku.run("cost", "estimate", *words)


@pytest.mark.parametrize("command", ["serve", "demo", "doctor"])
def test_a_ledger_that_cannot_be_made_is_named(command: str, tanzaku: CommandLine) -> None:
    (tanzaku.data / "file").touch()
    place = str(tanzaku.data / "file" / "x" / "ledger.db")
    out = tanzaku.run(command, "--ledger", place, exit_code=1 if command == "doctor" else 2)
    assert place in out
    assert "Traceback" not in out


def test_a_ledger_damaged_inside_is_an_error_in_one_line(tanzaku: CommandLine) -> None:
    place = tanzaku.data / "l.db"
    with Server(ledger=place) as server:
        tanzaku.run("send", "Hello", "--url", server.url)
    sound = place.read_bytes()
    place.write_bytes(sound[:8192] + b"\xff" * (len(sound) - 8192))
    out = tanzaku.run("log", "--ledger", str(place), exit_code=1)
    assert out.startswith("error: ")
    assert str(place) in out
    assert len(out.splitlines()) == 1


def run_bare(
    *words: str, encoding: str = "utf-8", data: bytes = b"", out: int = subprocess.PIPE
) -> "subprocess.CompletedProcess[bytes]":
    """Run `tanzaku` in Chinese with streams of `encoding`, as bytes."""
    environment = {
        "PATH": os.environ["PATH"],
        "TANZAKU_LANG": "zh",
        "PYTHONIOENCODING": encoding,
    }
    return subprocess.run(
        [TANZAKU, *words],
        env=environment,
        input=data,
        stdout=out,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )


def test_a_terminal_without_chinese_gets_escapes() -> None:
    done = run_bare("models", encoding="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"claude-haiku-4-5" in done.stdout
    done = run_bare("doctor", "--json", encoding="ascii")
    assert "端口" not in done.stdout.decode("ascii")
    assert any("空闲" in row["found"] or "占用" in row["found"] for row in json.loads(done.stdout))


def test_input_that_is_no_text_is_refused() -> None:
    done = run_bare("count", data=b"good \xff")
    assert done.returncode == 2
    assert "第 5 字节" in done.stderr.decode()
    done = subprocess.run(
        [os.fsencode(TANZAKU), b"send", b"\xff"], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_a_full_disk_behind_a_pipe_is_an_error_in_one_line() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    done = run_bare("models", "--json", out=full)
    os.close(full)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_leaves_early_gets_no_traceback() -> None:
    process = subprocess.Popen([TANZAKU, "models"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    with process.stderr:
        assert b"Traceback" not in process.stderr.read()
    assert process.wait() == 1


def test_a_proxy_in_the_environment_does_not_stop_the_demo(tanzaku: CommandLine) -> None:
    tanzaku.environment = {"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    assert "claude-haiku-4-5" in tanzaku.run("demo")
    tanzaku.environment = {"http_proxy": "http://127.0.0.1:9"}
    process = tanzaku.start("serve", "--port", "0")
    assert process.stdout
    banner = "".join(next(process.stdout) for _ in range(5))
    process.terminate()
    process.communicate(timeout=30)
    assert "NO_PROXY=127.0.0.1" in banner

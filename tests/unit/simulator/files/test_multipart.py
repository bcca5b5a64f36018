"""Forms read by hand, held against what the SDK's HTTP client sends."""

from contextlib import suppress

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.simulator.files._multipart import FormPart, parse_form
from tanzaku.wire import ApiError

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")),
    min_size=1,
    max_size=20,
)
BYTES = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from([b"\r\n", b"--", b"x", b"\r\n--x", b"\n", b"-"]), max_size=12).map(
        b"".join
    ),
)


def read(content_type: str | None, body: bytes) -> list[tuple[FormPart, bytes]]:
    parts = parse_form(None if content_type is None else content_type.encode(), body)
    return [(part, body[part.begin : part.end]) for part in parts]


@given(content=BYTES, filename=NAMES, seconds=st.integers(0, 10**6))
def test_what_the_sdk_s_http_client_sends_is_read_back(
    content: bytes, filename: str, seconds: int
) -> None:
    request = httpx2.Request(
        "POST",
        "http://test/v1/files",
        data={"expires_in_seconds": str(seconds)},
        files={"file": (filename, content, "application/x-own")},
    )
    found = {
        part.name: (part.filename, part.content_type, value)
        for part, value in read(request.headers["content-type"], request.read())
    }
    # A client writes a quote in a name as %22; nobody decodes that.
    sent = filename.replace('"', "%22")
    assert found == {
        "expires_in_seconds": (None, None, str(seconds).encode()),
        "file": (sent, "application/x-own", content),
    }


def form(*parts: bytes, boundary: bytes = b"b") -> bytes:
    return b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--" % boundary


FILE = b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello'


@pytest.mark.parametrize(
    "body",
    [
        form(FILE),
        form(FILE) + b"\r\nan epilogue",
        b"a preamble\r\n" + form(FILE),
        form(FILE).replace(b"--b\r\n", b"--b \t\r\n"),
        form(FILE.replace(b"Content-Disposition:", b"CONTENT-disposition :")),
        form(FILE.replace(b'name="file"', b"name=file")),
        form(FILE.replace(b'filename="a.txt"', b"FILENAME*=UTF-8''a%2Etxt; filename=\"b\"")),
        form(FILE.replace(b'"a.txt"', b'"\\a.txt"')),
    ],
)
def test_forms_that_are_written_otherwise_mean_the_same(body: bytes) -> None:
    assert read("Multipart/Form-Data; charset=utf-8; boundary=b", body) == [
        (FormPart("file", "a.txt", None, *find(body)), b"hello")
    ]


def find(body: bytes) -> tuple[int, int]:
    begin = body.index(b"hello")
    return begin, begin + 5


def test_an_empty_form_and_an_empty_part_are_forms() -> None:
    assert read("multipart/form-data; boundary=b", b"--b--\r\n") == []
    headers = b'content-disposition: form-data; name="file"; filename=""\r\n'
    # Without a content the break before the boundary may be the one after the headers (RFC 2046).
    for body in (form(headers + b"\r\n"), b"--b\r\n" + headers + b"\r\n--b--"):
        [(part, value)] = read("multipart/form-data; boundary=b", body)
        assert (part.filename, value, part.end - part.begin) == ("", b"", 0)


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        (None, form(FILE), "Content-Type must be multipart/form-data"),
        ("application/json", form(FILE), "Content-Type must be multipart/form-data"),
        ("multipart/form-data-own; boundary=b", form(FILE), "Content-Type must be"),
        ("multipart/form-data", form(FILE), "no boundary found"),
        (f"multipart/form-data; boundary={'b' * 71}", form(FILE), "no boundary found|boundary"),
        ("multipart/form-data; boundary=c", form(FILE), "the last boundary is missing"),
        ("multipart/form-data; boundary=b", b"", "the last boundary is missing"),
        ("multipart/form-data; boundary=b", form(FILE)[:-2], "no line break after a boundary"),
        ("multipart/form-data; boundary=b", form(FILE)[:-4], "the last boundary is missing"),
        ("multipart/form-data; boundary=b", form(b"no headers at all"), "the end of its headers"),
        ("multipart/form-data; boundary=b", form(b"a: b\r\n\r\nx"), "a part without a name"),
        (
            "multipart/form-data; boundary=b",
            form(FILE.replace(b"form-data", b"attachment")),
            "a part without a name",
        ),
        (
            "multipart/form-data; boundary=b",
            form(FILE.replace(b"a.txt", b"\xff")),
            "are not UTF-8",
        ),
        (
            "multipart/form-data; boundary=b",
            form(b"x: " + b"y" * 9000 + b"\r\n" + FILE),
            "the end of its headers",
        ),
        ("multipart/form-data; boundary=b", form(*[FILE] * 17), "more than 16 parts"),
    ],
)
def test_what_is_no_form_is_refused_with_a_guessed_text(
    content_type: str | None, body: bytes, message: str
) -> None:
    with pytest.raises(ApiError, match=message) as refused:
        read(content_type, body)
    assert refused.value.status == 400


@given(body=st.binary(max_size=200), cut=st.integers(0, 120))
def test_any_bytes_are_a_form_or_refused(body: bytes, cut: int) -> None:
    for mixed in (body, form(FILE, FILE)[:cut] + body):
        with suppress(ApiError):
            parts = read("multipart/form-data; boundary=b", mixed)
            assert all(part.begin <= part.end <= len(mixed) for part, _ in parts)

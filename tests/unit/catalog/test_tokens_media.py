"""Tokens of images and PDF files in requests."""

import base64
import struct
from typing import Any

import pytest

from tanzaku.catalog import count_content

STANDARD, HIGH = "claude-haiku-4-5", "claude-opus-4-8"


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(9)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(3)


def jpeg(width: int, height: int, *, comment: int = 16, frame: int = 0xC2) -> bytes:
    segments = b"\xff\xe0" + struct.pack(">H", 16) + bytes(14)
    while comment > 0:
        size = min(comment, 60_000)
        segments += b"\xff\xe1" + struct.pack(">H", size + 2) + b"\xff" * size
        comment -= size
    tables = b"\xff\xc4" + struct.pack(">H", 4) + bytes(2)
    header = struct.pack(">BBHBHHB", 0xFF, frame, 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + segments + tables + header + b"\xff\xda\x00\x02"


def webp(width: int, height: int, kind: bytes) -> bytes:
    if kind == b"VP8X":
        body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == b"VP8L":
        body = b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little")
    else:
        body = bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return b"RIFF" + bytes(4) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


def image(content: bytes, kind: str = "png") -> list[dict[str, Any]]:
    data = base64.b64encode(content).decode()
    source = {"type": "base64", "media_type": f"image/{kind}", "data": data}
    return [{"type": "image", "source": source}]


# The table of platform.claude.com/docs/en/build-with-claude/vision, July 2026.
@pytest.mark.parametrize(
    ("width", "height", "standard", "high"),
    [
        (200, 200, 64, 64),
        (1000, 1000, 1296, 1296),
        (1092, 1092, 1521, 1521),
        (1920, 1080, 1560, 2691),
        (1080, 1920, 1560, 2691),
        (2000, 1500, 1564, 3888),
        (3840, 2160, 1560, 4784),
        (1, 1, 1, 1),
    ],
)
def test_an_image_costs_what_the_published_table_says(
    width: int, height: int, standard: int, high: int
) -> None:
    assert count_content(image(png(width, height)), STANDARD) == standard
    assert count_content(image(png(width, height)), HIGH) == high


@pytest.mark.parametrize(
    "content",
    [
        png(280, 140),
        gif(280, 140),
        jpeg(280, 140),
        jpeg(280, 140, frame=0xC0),
        jpeg(280, 140, comment=200_000),
        webp(280, 140, b"VP8 "),
        webp(280, 140, b"VP8L"),
        webp(280, 140, b"VP8X"),
    ],
    ids=[
        "png",
        "gif",
        "jpeg",
        "jpeg-baseline",
        "jpeg-long-exif",
        "webp",
        "webp-lossless",
        "webp-x",
    ],
)
def test_the_size_is_read_from_every_accepted_format(content: bytes) -> None:
    assert count_content(image(content), STANDARD) == 10 * 5


@pytest.mark.parametrize(
    "source",
    [
        {"type": "url", "url": "https://example.com/a.png"},
        {"type": "file", "file_id": "file_1"},
        {"type": "base64", "media_type": "image/png", "data": "not base64!"},
        {"type": "base64", "media_type": "image/png", "data": base64.b64encode(png(0, 0)).decode()},
        *(
            {"type": "base64", "media_type": "image/x", "data": base64.b64encode(cut).decode()}
            for cut in (png(9, 9)[:18], gif(9, 9)[:8], jpeg(9, 9)[:20], webp(9, 9, b"VP8 ")[:25])
        ),
    ],
)
def test_an_image_of_unknown_size_counts_as_the_largest(source: dict[str, Any]) -> None:
    assert count_content([{"type": "image", "source": source}], STANDARD) == 1_568
    assert count_content([{"type": "image", "source": source}], HIGH) == 4_784


def test_images_in_tool_results_count() -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": []}
    shown = {**result, "content": image(png(280, 140))}
    assert count_content([shown], STANDARD) - count_content([result], STANDARD) == 50


def pdf(content: bytes) -> list[dict[str, Any]]:
    data = base64.b64encode(b"%PDF-1.7\n" + content).decode()
    source = {"type": "base64", "media_type": "application/pdf", "data": data}
    return [{"type": "document", "source": source}]


PAGE = b"<< /Type /Page /Parent 1 0 R >>\n"


@pytest.mark.parametrize(
    ("content", "pages"),
    [
        (b"<< /Type /Pages /Count 3 >>\n" + PAGE * 3, 3),
        (b"<</Type/Pages/Count 2>><</Type/Page>>\n<</Type/Page/Parent 1 0 R>>", 2),
        (b"<< /Type /Pages /Count 7 >> the pages are compressed", 7),
        (b"everything is compressed", 1),
    ],
)
def test_a_pdf_costs_by_its_pages(content: bytes, pages: int) -> None:
    one = count_content(pdf(PAGE), STANDARD)
    # The page's picture and 1,500 to 3,000 tokens of text.
    assert 1_568 + 1_500 <= one <= 1_568 + 3_000
    assert count_content(pdf(content), STANDARD) == pages * one


def test_a_document_behind_a_url_counts_as_one_page() -> None:
    linked = [{"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}]
    assert count_content(linked, STANDARD) == count_content(pdf(PAGE), STANDARD)

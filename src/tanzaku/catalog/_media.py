"""Tokens of images and PDF files, read off their first bytes."""

import binascii
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PATCH_PX = 28
_HEADER_CHARACTERS = 64 * 1_024
_JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
_PDF_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_PDF_PAGE_COUNT = re.compile(rb"/Count\s+(\d{1,5})\b")
# "1,500-3,000 tokens per page depending on content density" beside the page's image
# (platform.claude.com/docs/en/build-with-claude/pdf-support, 2026-08-22): the middle of it.
_PDF_PAGE_TEXT_TOKENS = 2_250


@dataclass(frozen=True, slots=True)
class ImageTier:
    """The largest image a model sees: longer edge in pixels, and patches of 28 x 28 pixels.

    Larger ones are shrunk until both hold (platform.claude.com/docs/en/build-with-claude/vision and
    vision-coordinates, 2026-08-22).
    """

    longest_edge_px: int
    most_tokens: int


STANDARD_TIER = ImageTier(longest_edge_px=1_568, most_tokens=1_568)
HIGH_TIER = ImageTier(longest_edge_px=2_576, most_tokens=4_784)


def find_tier(tokenizer: str) -> ImageTier:
    """What a model of this tokenizer sees: the high tier begins with Claude 4.7, as the newer
    tokenizers do."""
    return STANDARD_TIER if tokenizer == "v3" else HIGH_TIER


def count_image(source: Mapping[str, Any], tier: ImageTier) -> int:
    """Tokens of an image block's source.

    Exact by the published formula where the size in pixels can be read (base64 PNG, JPEG, GIF,
    WebP). An image behind a URL or a file id, or an unreadable one, counts as the largest.
    """
    data = source.get("data")
    size = read_image_size(data) if isinstance(data, str) else None
    if size is None:
        return tier.most_tokens
    return count_pixels(*size, tier)


def count_pixels(width: int, height: int, tier: ImageTier) -> int:
    """Tokens of an image of this size after the API has shrunk it to the tier's limits."""
    long, short = max(width, height), min(width, height)
    if long <= 0 or short <= 0:
        return tier.most_tokens

    def patches(edge: int) -> int:
        other = max(1, round(short * edge / long))
        return -(-edge // _PATCH_PX) * -(-other // _PATCH_PX)

    low, high = 1, min(long, tier.longest_edge_px)
    while low < high:
        middle = (low + high + 1) // 2
        if patches(middle) <= tier.most_tokens:
            low = middle
        else:
            high = middle - 1
    return patches(low)


def read_image_size(data: str) -> tuple[int, int] | None:
    """Width and height in pixels out of a base64 PNG, JPEG, GIF or WebP; None if there are none."""
    head = _decode(data[:_HEADER_CHARACTERS])
    size = _read_size(head)
    if size is None and head.startswith(b"\xff\xd8") and len(data) > _HEADER_CHARACTERS:
        size = _read_size(_decode(data))
    return size


def _decode(data: str) -> bytes:
    try:
        return binascii.a2b_base64(data[: len(data) // 4 * 4])
    except (binascii.Error, ValueError):
        return b""


def _read_size(head: bytes) -> tuple[int, int] | None:
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack_from(">II", head, 16)
        if head.startswith((b"GIF87a", b"GIF89a")):
            return struct.unpack_from("<HH", head, 6)
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return _read_webp_size(head)
        if head.startswith(b"\xff\xd8"):
            return _read_jpeg_size(head)
    except (struct.error, IndexError):
        return None
    return None


def _read_webp_size(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return (
            1 + int.from_bytes(head[24:27], "little"),
            1 + int.from_bytes(head[27:30], "little"),
        )
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _read_jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while head[at] == 0xFF:
        marker = head[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_BARE_MARKERS:
            at += 2
        elif marker in _JPEG_FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        else:
            at += 2 + struct.unpack_from(">H", head, at + 2)[0]
    return None


def count_pdf(data: str, tier: ImageTier) -> int:
    """Estimated tokens of a base64 PDF: its pages, each as middling text beside a full image."""
    return count_pdf_pages(data) * (_PDF_PAGE_TEXT_TOKENS + tier.most_tokens)


def count_pdf_pages(data: str) -> int:
    """Pages of a base64 PDF by its page objects; by its page tree, if those are compressed; else 1."""
    content = _decode(data)
    pages = len(_PDF_PAGE.findall(content))
    if pages == 0:
        pages = max((int(count) for count in _PDF_PAGE_COUNT.findall(content)), default=1)
    return max(1, pages)

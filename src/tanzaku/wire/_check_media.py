"""Limits on images and documents as far as a request itself shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tanzaku.wire._inspection import Inspection

MAX_IMAGE_BYTES = 10 * 1024 * 1024
"""Of an image's base64 text. Bedrock and Google take half (page build-with-claude/vision)."""


@dataclass(slots=True)
class Media:
    """Counted over a request, tool results included. A document is taken as one page at least."""

    images: int = 0
    documents: int = 0

    def check(self, inspection: Inspection) -> None:
        limit = inspection.model.images_per_request
        if self.images + self.documents > limit:
            inspection.refuse(
                "messages",
                f"Too much media: {self.documents} document pages + {self.images} images > {limit}",
                is_guess=True,
            )


def check_image(inspection: Inspection, block: Mapping[str, Any], path: str) -> None:
    source = block["source"]
    if source["type"] == "base64" and len(source["data"]) > MAX_IMAGE_BYTES:
        inspection.refuse(
            f"{path}.image.source.base64",
            f"image exceeds 10 MB maximum: {len(source['data'])} bytes > {MAX_IMAGE_BYTES} bytes",
            is_guess=True,
        )

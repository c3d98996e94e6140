"""Text that is to stay text wherever it is shown, and how to see that it did."""

import re
from html.parser import HTMLParser

CORPUS = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror=window.hit=1>",
    "</script><script>window.hit = 1</script>",
    '"><svg onload=window.hit=1>',
    "' onmouseover='window.hit=1' x='",
    "javascript:window.hit=1",
    "<iframe srcdoc='<script>parent.hit=1</script>'>",
    "</title></textarea></style><b>out</b>",
    "<!--<img src=x onerror=window.hit=1>-->",
    "{{ 7 * 7 }}{% raw %}",
    "${window.hit=1}`+window.hit=1+`",
    "\u202etxt.exe\u202c and \u2066more\u2069",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.hit=1>",
    "a\x00b\x1b[31mred",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
)
_URLS = ("href", "src", "action", "formaction", "data", "srcdoc", "xlink:href")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._script = tag == "script" and "src" not in named
        if tag in ("style", "iframe", "object", "embed", "base", "math", "mglyph"):
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.wrong.append(f"{tag} {name}={value}")
            if name in _URLS and re.match(r"\s*(javascript|data|vbscript):", value or "", re.I):
                self.wrong.append(f"{tag} {name}={value}")

    def handle_endtag(self, _tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.wrong.append(f"inline script: {data[:60]}")


def assert_inert(html: str) -> None:
    """No element, attribute or address in this page that acts, but for scripts from files."""
    reader = _Reader()
    reader.feed(html)
    assert not reader.wrong, reader.wrong

"""The printing machine: WeasyPrint, with this room's style sheet and fonts read once for all documents of a process.

Only `render.py` starts it. Importing this module takes most of a second (and needs Pango), so that it is imported when
the first page is printed.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from urllib.request import url2pathname

from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcherResponse

from documents.errors import DocumentError

ROOM = Path(__file__).resolve().parent

# Pango's font map, which all documents share, may not be used by two threads at once.
_ONE_AT_A_TIME = Lock()


def print_page(page: str, style_sheet: str) -> bytes:
    """Print HTML as a tagged PDF (readable aloud); no time of printing is written into it."""
    with _ONE_AT_A_TIME:
        style = _style(style_sheet)
        try:
            pdf: bytes = HTML(string=page, base_url=ROOM, url_fetcher=fetch_own_file).write_pdf(
                stylesheets=[style.sheet], font_config=style.fonts, pdf_tags=True
            )
        except FatalURLFetchingError as refused:
            raise DocumentError("a document", [str(refused)]) from refused
    return pdf


def fetch_own_file(url: str) -> URLFetcherResponse:
    """Hand out this room's own files and nothing else: a document never makes a request."""
    path = Path(url2pathname(url.removeprefix("file://"))).resolve()
    if not url.startswith("file:///") or not path.is_relative_to(ROOM):
        raise FatalURLFetchingError(f"it may load only files of {ROOM.name}/, and was refused {url}")
    return URLFetcherResponse(url, path.read_bytes())


@dataclass(frozen=True)
class _Style:
    sheet: CSS
    fonts: FontConfiguration


@cache
def _style(name: str) -> _Style:
    fonts = FontConfiguration()
    sheet = CSS(filename=ROOM / "templates" / name, font_config=fonts, url_fetcher=fetch_own_file)
    return _Style(sheet, fonts)

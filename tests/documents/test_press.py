"""A document may load this room's own files and nothing else, and prints without a word of complaint."""

import pytest
from weasyprint.text.ffi import harfbuzz_subset
from weasyprint.urls import FatalURLFetchingError

from documents.errors import DocumentError
from documents.press import ROOM, fetch_own_file, print_page


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/logo.png",
        "https://example.org/",
        "ftp://example.org/",
        "data:text/plain,hello",
        "file:///etc/passwd",
        f"file://{ROOM}/../pyproject.toml",
        f"file://{ROOM}/%2e%2e/pyproject.toml",
        "file://example.org/share/logo.png",
        "logo.png",
    ],
)
def test_nothing_from_outside_is_loaded(url: str) -> None:
    with pytest.raises(FatalURLFetchingError, match="refused"):
        fetch_own_file(url)


def test_its_own_files_are_loaded() -> None:
    own = ROOM / "fonts" / "OFL.txt"
    assert fetch_own_file(own.as_uri()).read() == own.read_bytes()


def test_a_template_that_asks_the_network_is_one_clear_error() -> None:
    with pytest.raises(DocumentError, match=r"refused http://example\.org/x\.png"):
        print_page('<img src="http://example.org/x.png">', "document.css")


def test_fonts_are_subset_by_the_fast_library() -> None:
    """Without libharfbuzz-subset a document takes three times as long."""
    assert harfbuzz_subset

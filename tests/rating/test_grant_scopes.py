"""Scopes of credit: one way to keep what can be written in many (semantics 4)."""

import pytest

from rating.grant_scopes import EXAMPLE, canonical_scope, read_scope

CPU = '{"meters":["cpu"]}'


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("", ""),
        ("  ", ""),
        (None, None),
        ("{}", ""),
        ('{"meters": ["cpu"]}', CPU),
        (' {"meters": ["cpu", "cpu"]}', CPU),
        ('{"prices": ["b", "a"], "meters": ["m"]}', '{"meters":["m"],"prices":["a","b"]}'),
        ('{"dimensions": {"b": "", "a": "é"}}', '{"dimensions":{"a":"é","b":""}}'),
    ],
)
def test_a_scope_is_kept_in_one_way(written: str | None, kept: str | None) -> None:
    assert canonical_scope(written) == kept
    if kept:
        assert canonical_scope(kept) == kept


@pytest.mark.parametrize(
    "text",
    ["cpu", "[]", '{"meters": []}', '{"meters": [""]}', '{"meters": "cpu"}', '{"dimensions": {}}', '{"x": ["y"]}'],
)
def test_what_is_no_scope_is_not_read(text: str) -> None:
    assert canonical_scope(text) is None


def test_the_example_is_a_scope() -> None:
    assert read_scope(EXAMPLE).meters == ("cpu",)

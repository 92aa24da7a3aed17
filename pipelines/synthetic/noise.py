"""Chance without a random generator: every draw is a hash of what it is drawn for.

Here belong the two forms of it: `draw` for one value in Python, `mixed` and `uniform` for a column. A draw depends on
its names alone, not on how many draws came before it, so a new field or a parallel worker moves no other value.
Polars' own `hash` is not used: it may change with its version, and the demo's numbers would change with it.
"""

import uuid
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

import polars as pl

Item = TypeVar("Item")

_GOLDEN = 0x9E3779B97F4A7C15
_BITS_PER_DRAW = 16


def _digest(names: tuple[object, ...], size: int) -> bytes:
    return blake2b("\x1f".join(str(name) for name in names).encode(), digest_size=size).digest()


def key(*names: object) -> int:
    """Return 64 bits that stand for these names."""
    return int.from_bytes(_digest(names, 8), "big")


def draw(*names: object) -> float:
    """Return a number in [0, 1) for these names, with 53 bits as a double holds them."""
    return (key(*names) >> 11) / float(1 << 53)


def between(low: int, high: int, *names: object) -> int:
    """Return a whole number in [low, high] for these names."""
    return low + int(draw(*names) * (high - low + 1))


def pick(items: Sequence[Item], *names: object) -> Item:
    """Return one of the items for these names."""
    return items[between(0, len(items) - 1, *names)]


def identifier(*names: object) -> str:
    """Return a text in the form of a UUID for these names."""
    return str(uuid.UUID(bytes=_digest(names, 16)))


def _unsigned(value: int) -> pl.Expr:
    return pl.lit(value, dtype=pl.UInt64)


def mixed(keys: pl.Expr, counter: pl.Expr, channel: int) -> pl.Expr:
    """Hash (key, counter, channel) to 64 bits: the finalizer of SplitMix64, in arithmetic that wraps."""
    bits = keys + counter.cast(pl.UInt64) * _unsigned(_GOLDEN) + _unsigned(key("channel", channel))
    bits = (bits ^ (bits // _unsigned(1 << 30))) * _unsigned(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits // _unsigned(1 << 27))) * _unsigned(0x94D049BB133111EB)
    return bits ^ (bits // _unsigned(1 << 31))


def uniform(bits: pl.Expr, lane: int) -> pl.Expr:
    """Cut one of four independent numbers in [0, 1), of 16 bits each, out of a hash."""
    lane_bits = (bits // _unsigned(1 << (_BITS_PER_DRAW * lane))) & _unsigned((1 << _BITS_PER_DRAW) - 1)
    return lane_bits.cast(pl.Float64) / float(1 << _BITS_PER_DRAW)

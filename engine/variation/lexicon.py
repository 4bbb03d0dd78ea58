"""Nouns by what they name, and what each is called in the mundane domains that snowflakes move to."""

from __future__ import annotations


def listed(words: str) -> frozenset[str]:
    """The words of a listing, as a set."""
    return frozenset(words.split())

"""Train, valid and test by source passage: passages that share text never part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Literal

from engine.measures.degeneration import plain_words

Split = Literal["train", "valid", "test"]

LEAK_SPAN = 13
"""Words that two passages must share to count as overlapping; 13-grams are the usual unit for contamination
(Brown et al. 2020, appendix C)."""


def spans(text: str, size: int = LEAK_SPAN) -> Iterator[tuple[str, ...]]:
    """Every run of `size` words of `text`, punctuation and case aside."""
    stream = plain_words(text)
    return (tuple(stream[start : start + size]) for start in range(len(stream) - size + 1))


def overlap_groups(passages: Mapping[str, str]) -> list[list[str]]:
    """Ids of `passages` grouped so that any two that share a `LEAK_SPAN`-word run, directly or through others, are
    together. Groups and their members keep the order of `passages`."""
    parent = {identity: identity for identity in passages}

    def root(identity: str) -> str:
        while parent[identity] != identity:
            parent[identity] = parent[parent[identity]]
            identity = parent[identity]
        return identity

    first_with: dict[tuple[str, ...], str] = {}
    for identity, text in passages.items():
        for span in spans(text):
            other = root(first_with.setdefault(span, identity))
            if other != (mine := root(identity)):
                parent[mine] = other
    groups: dict[str, list[str]] = {}
    for identity in passages:
        groups.setdefault(root(identity), []).append(identity)
    return list(groups.values())


def split_passages(passages: Mapping[str, str], *, valid: float, test: float, seed: int) -> dict[str, Split]:
    """A split for every passage id; `valid` and `test` are shares of the passages (at least one each).

    Whole overlap groups are dealt in a seeded order, small ones first for test and valid, so that one huge group
    (a refrain, a repeated preface) cannot fill them.
    """
    groups = overlap_groups(passages)
    Random(f"{seed}:split").shuffle(groups)
    wanted: list[tuple[Split, int]] = [
        ("test", max(1, round(test * len(passages))) if test else 0),
        ("valid", max(1, round(valid * len(passages))) if valid else 0),
    ]
    result: dict[str, Split] = {}
    waiting = sorted(groups, key=len, reverse=True)
    for split, count in wanted:
        taken = 0
        while waiting and taken < count:
            group = waiting.pop()
            taken += len(group)
            result |= dict.fromkeys(group, split)
    result |= {identity: "train" for group in waiting for identity in group}
    return {identity: result[identity] for identity in passages}

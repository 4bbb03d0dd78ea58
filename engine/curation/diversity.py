"""Near-duplicates found, and a budget of tokens spent on passages that say the most between them."""

from __future__ import annotations

import math
import random
import re
import zlib
from array import array
from collections.abc import Sequence

import numpy as np

PERMUTATIONS = 128
BANDS = 32  # of 4 rows: a pair alike by .7 is met with probability 1 - (1 - .7^4)^32 = .9998
ALIKE = 0.70  # of the runs of three words that two passages have between them
_TRIES = 100  # passages that may prove too long for what is left of the budget before it counts as spent
_MISS = 0.1  # accepted share of the best gain that a random look may miss; see `choose`
_WORD = re.compile(r"[^\W\d_]+")


class Duplicates:
    """Passages met so far, by sketches of their wording (MinHash with locality-sensitive hashing)."""

    def __init__(self, seed: int) -> None:
        from rensa import RMinHashLSH

        self._seed = seed
        self._index = RMinHashLSH(threshold=ALIKE, num_perm=PERMUTATIONS, num_bands=BANDS)
        self._sketches: list[object] = []

    def add(self, texts: Sequence[str]) -> list[bool]:
        """For each text, whether one met before is nearly the same; those that are new are remembered."""
        from rensa import RMinHash

        shingles = []
        for text in texts:
            words = _WORD.findall(text.lower())
            shingles.append([" ".join(run) for run in zip(words, words[1:], words[2:], strict=False)] or words)
        repeats = []
        for sketch in RMinHash.from_token_sets(shingles, PERMUTATIONS, self._seed):
            alike = any(sketch.jaccard(self._sketches[key]) >= ALIKE for key in self._index.query(sketch))
            repeats.append(alike)
            if not alike:
                self._index.insert(len(self._sketches), sketch)
                self._sketches.append(sketch)
        return repeats


class Wordings:
    """The distinct words of many passages, four bytes a word."""

    def __init__(self) -> None:
        self._words = array("I")
        self._starts = array("Q", [0])

    def add(self, text: str) -> None:
        hashed = {zlib.crc32(word.encode()) for word in _WORD.findall(text.lower())}
        self._words.extend(sorted(hashed))
        self._starts.append(len(self._words))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def numbered(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Words as numbers from 0, where each passage's begin, and how many different ones there are."""
        known, numbers = np.unique(np.frombuffer(self._words, dtype=np.uint32), return_inverse=True)
        return numbers.astype(np.int32), np.frombuffer(self._starts, dtype=np.uint64).astype(np.int64), len(known)


def choose(wordings: Wordings, tokens: Sequence[int], budget: int, seed: int) -> list[int]:
    """Indexes, in order, of passages that together stay within `budget` tokens and vary as much as they can.

    Greedy: again and again the passage whose words are newest to what is chosen, each word weighted by its
    rarity and by how little it has been used (the square root's diminishing returns). The measure is a share of
    what the passage could add to an empty corpus, so that neither long nor short ones are favoured. Each step looks
    at a random sample, which makes the cost linear in the number of passages (Mirzasoleiman et al., "Lazier than
    lazy greedy", AAAI 2015) and, with `seed`, the outcome always the same.
    """
    count = len(wordings)
    numbers, starts, vocabulary = wordings.numbered()
    weight = np.log((1 + count) / (1 + np.bincount(numbers, minlength=vocabulary)))
    used = np.zeros(vocabulary)
    bare = np.add.reduceat(np.append(weight[numbers], 0.0), starts[:-1]) if count else np.zeros(0)
    left = list(range(count))
    chance = random.Random(f"{seed}:selection")
    wanted = max(1, budget * count // max(1, sum(tokens)))
    look = max(1, math.ceil(count / wanted * math.log(1 / _MISS)))
    chosen: list[int] = []
    misses = 0
    while left and budget > 0:
        best, best_gain, best_at = -1, -1.0, -1
        for at in sorted(chance.sample(range(len(left)), min(look, len(left)))):
            index = left[at]
            words = numbers[starts[index] : starts[index + 1]]
            spent = used[words]
            gain = float(weight[words] @ (np.sqrt(spent + 1) - np.sqrt(spent))) / (float(bare[index]) or 1.0)
            if gain > best_gain:
                best, best_gain, best_at = index, gain, at
        left[best_at] = left[-1]
        left.pop()
        if tokens[best] > budget:
            misses += 1
            if misses == _TRIES:
                break
            continue
        budget -= tokens[best]
        used[numbers[starts[best] : starts[best + 1]]] += 1
        chosen.append(best)
    return sorted(chosen)

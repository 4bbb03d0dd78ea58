"""Whether a text is by an author or by somebody else: character n-grams and a logistic regression.

Character 2- to 4-grams with TF-IDF weights and a linear classifier are what authorship attribution has rested on for
two decades (Stamatatos 2009, "A survey of modern authorship attribution methods"). They are hashed (Weinberger et al.
2009), so that no vocabulary has to be kept, and the regression is solved in its dual by Newton's method: with some
hundred texts that is a few solutions of a system of as many unknowns, exact and without any random choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIZES = (2, 3, 4)
"""Characters of an n-gram."""
BUCKETS = 1 << 15
"""Places an n-gram can be hashed to; with 2^16 the accuracy of `tests/bench/card_grades.py` was .989 for .991."""
RIDGE = 1e-4
"""Weight of the squared coefficients against the mean loss. Chosen; the accuracy of `tests/bench/card_grades.py`
was .991 with 1e-5 too, and .986 with 1e-3."""
_STEPS = 30
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def _plain(text: str) -> bytes:
    """`text` as it is counted: straight quotes, one kind of dash, single spaces, digits all alike; case matters."""
    for curly, straight in (("’", "'"), ("‘", "'"), ("“", '"'), ("”", '"'), ("–", "—"), ("--", "—")):
        text = text.replace(curly, straight)
    # What cannot be a byte is one sign: the n-grams are over single bytes.
    text = "".join("0" if sign.isdigit() else sign for sign in " ".join(text.split())).replace("—", "\x01")
    return f" {text} ".encode("latin-1", "replace")


def counts(text: str) -> np.ndarray:
    """How often each hashed n-gram comes in `text`, shape (BUCKETS,), float32."""
    codes = np.frombuffer(_plain(text), dtype=np.uint8).astype(np.uint64)
    found = np.zeros(BUCKETS, dtype=np.float32)
    for size in SIZES:
        length = len(codes) - size + 1
        if length < 1:
            continue
        with np.errstate(over="ignore"):
            hashes = np.full(length, size, dtype=np.uint64)
            for offset in range(size):
                hashes = (hashes * np.uint64(257) + codes[offset : offset + length]) * _FACTOR
                hashes ^= hashes >> np.uint64(29)
        found += np.bincount((hashes >> np.uint64(20)) % np.uint64(BUCKETS), minlength=BUCKETS).astype(np.float32)
    return found


@dataclass(frozen=True)
class Authorship:
    """A fitted classifier: log-odds that a text is the first class's rather than the second's."""

    weight: np.ndarray
    """Shape (BUCKETS,): inverse document frequencies times coefficients."""
    inverse: np.ndarray
    """Shape (BUCKETS,): inverse document frequencies."""
    intercept: float

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Log-odds of each text, shape (texts,), float64: above 0 is more the author's than not."""
        rows = np.stack([_sublinear(counts(text)) for text in texts]) if texts else np.zeros((0, BUCKETS))
        norms = np.linalg.norm(rows * self.inverse, axis=1)
        return np.asarray(rows @ self.weight / np.maximum(norms, 1e-9), dtype=np.float64) + self.intercept


def _sublinear(found: np.ndarray) -> np.ndarray:
    """1 + ln(count), as scikit-learn's `sublinear_tf`: a refrain says less than as many different words."""
    return np.where(found > 0, 1 + np.log(np.maximum(found, 1)), 0).astype(np.float32)


def fit(texts: Sequence[str], others: Sequence[str]) -> Authorship:
    """A classifier of `texts` against `others`; each side weighs the same, however many it has.

    Both should be cut to about one length, the length of what is to be judged. Raises `ValueError` where one is empty.
    """
    if not texts or not others:
        raise ValueError("a classifier needs texts of both classes")
    rows = np.stack([_sublinear(counts(text)) for text in (*texts, *others)])
    known = (rows > 0).sum(0)
    # Salton and Buckley's weights, smoothed as scikit-learn does it; what is in one text alone says nothing.
    inverse = np.where(known > 1, 1 + np.log((1 + len(rows)) / (1 + known)), 0).astype(np.float32)
    rows *= inverse
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    labels = np.array([1.0] * len(texts) + [-1.0] * len(others))
    shares = np.where(labels > 0, 0.5 / len(texts), 0.5 / len(others))
    gram = (rows @ rows.T).astype(np.float64)
    dual, intercept = _newton(gram, labels, shares)
    return Authorship((rows.T @ dual.astype(np.float32)) * inverse, inverse, intercept)


def _newton(gram: np.ndarray, labels: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients of the texts and the intercept that minimise sum(shares * log(1 + exp(-y f))) + RIDGE/2 |w|^2.

    Iteratively re-weighted least squares (Hastie, Tibshirani and Friedman, section 4.4.1), in the dual.
    """
    size = len(labels)
    dual, intercept = np.zeros(size), 0.0
    for _ in range(_STEPS):
        margin = np.clip(gram @ dual + intercept, -30, 30)
        chance = 1 / (1 + np.exp(-margin))
        slope = np.maximum(chance * (1 - chance), 1e-6)
        goal = margin + ((labels + 1) / 2 - chance) / slope
        system = np.zeros((size + 1, size + 1))
        system[:size, :size] = gram + np.diag(RIDGE / (shares * slope))
        system[:size, size] = 1.0
        system[size, :size] = 1.0
        found = np.linalg.solve(system, np.append(goal, 0.0))
        change = float(np.abs(found[:size] - dual).max())
        dual, intercept = found[:size], float(found[size])
        if change < 1e-8 * max(1.0, float(np.abs(dual).max())):
            break
    return dual, intercept


def windows(texts: Sequence[str], size: int) -> list[str]:
    """`texts` joined and cut into pieces of `size` words; a rest of less than half that is left out."""
    stream = [word for text in texts for word in text.split()]
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    return [" ".join(piece) for piece in pieces if len(piece) >= max(1, size // 2)]

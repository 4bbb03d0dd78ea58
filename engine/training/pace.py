"""How fast a run goes, from its latest updates alone: a validation or a pause in between does not count."""

from __future__ import annotations

from collections import deque

_LATEST = 10


class Pace:
    """Tokens and seconds of the latest updates."""

    def __init__(self) -> None:
        self._updates: deque[tuple[int, float]] = deque(maxlen=_LATEST)

    def add(self, tokens: int, seconds: float) -> None:
        self._updates.append((tokens, seconds))

    @property
    def tokens_per_second(self) -> float | None:
        """None before the first update."""
        seconds = sum(seconds for _, seconds in self._updates)
        return sum(tokens for tokens, _ in self._updates) / seconds if seconds else None

    def seconds(self, updates: float) -> float | None:
        """Expected for so many updates, None before the first."""
        if not self._updates:
            return None
        return updates * sum(seconds for _, seconds in self._updates) / len(self._updates)

"""The model at the end of a rewriter: it puts an adapter on, turns its strength and writes, all on the MLX thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from engine import prompting
from engine.digests import sha256_of
from engine.errors import Cancelled, StyloraError
from engine.models import holding, mlx_thread, respelling
from engine.models.adapters import WEIGHTS_FILE, attached, load_adapter, set_strength
from engine.models.decoding import Decoded, Length, decode
from engine.models.loading import Loaded
from engine.models.prefixes import Prefixes, agreement
from engine.models.sampling import Sampling

R = TypeVar("R")

OnText = Callable[[int, int, str], None]
"""Called with the passage's index, the variation's index and the text that was added (none while trying again)."""

_STRENGTHS = 4
"""Strengths whose prefixes are kept beside each other."""


@dataclass(frozen=True)
class Order:
    """What is to be written after one prompt, and in how many ways."""

    prompt: str
    name: str
    """Of its random draws."""
    limit: int
    """Tokens of each text, at most."""
    persona: str = ""
    """The beginning of the prompt that others will share, and that is worth keeping."""
    length: Length | None = None
    hold: Sequence[str] = ()
    """Words that the texts are to have, as far as the sampling sees to it."""
    mistyped: Sequence[tuple[str, str]] = ()
    """Words that the noise has mistyped in the prompt, each with the word meant, which is spelt in its place."""


@dataclass
class Writer:
    """A base model and the adapter it is to carry, which several writers may take off each other."""

    loaded: Loaded
    adapter: Path | None = None
    in_training: bool = False
    """Whether the model is one under training: it answers only while that lasts."""
    between_steps: bool = False
    """Whether a training that runs is to be interrupted for it, between two steps."""
    _prefixes: dict[float, Prefixes] = field(default_factory=dict)
    _stamp: str = ""

    def tokens(self, text: str) -> list[int]:
        return prompting.encode_prompt(self.loaded.tokenizer, text)

    def weights_digest(self) -> str:
        """SHA-256 of the adapter's weights; what a kept passage was written with."""
        return "" if self.adapter is None else sha256_of(self.adapter / WEIGHTS_FILE)

    def forget(self) -> None:
        """Forget the beginnings of prompts that were computed."""
        self._prefixes.clear()

    def put_on(self) -> None:
        """See to it that the model carries this adapter, with its files as they are now."""
        self._on_mlx(self._put_on)

    def write(
        self,
        orders: Sequence[Order],
        variations: int,
        *,
        strength: float,
        sampling: Sampling,
        seed: int,
        stop: Sequence[str] = (prompting.SEPARATOR,),
        on_text: OnText | None = None,
    ) -> list[list[Decoded]]:
        """The texts of each order, all in one batch; `on_text` hears of them as they grow and may raise `Cancelled`.

        `strength` is the LoRA scale relative to the trained one: 0 is the base model.
        """

        def heard(row: int, text: str) -> None:
            if on_text is not None:
                on_text(*divmod(row, variations), text)

        def work() -> list[Decoded]:
            self._put_on()
            prompts = [self.tokens(order.prompt) for order in orders]
            keep = [
                agreement(self.tokens(order.persona), prompt) if order.persona else 0
                for order, prompt in zip(orders, prompts, strict=True)
            ]
            tokenizer, seen_to = self.loaded.tokenizer, bool(sampling.hold)
            held = [holding.words(tokenizer, order.hold) if seen_to else () for order in orders]
            wrong = [respelling.turns(tokenizer, order.mistyped) if seen_to else () for order in orders]
            rows = [number for number in range(len(orders)) for _ in range(variations)]
            set_strength(self.loaded.model, strength)
            return decode(
                self.loaded.model,
                self.loaded.tokenizer,
                [prompts[number] for number in rows],
                max_tokens=[orders[number].limit for number in rows],
                sampling=sampling,
                seed=seed,
                stop=stop,
                draws=[f"{order.name}:{variation}" for order in orders for variation in range(variations)],
                lengths=[orders[number].length for number in rows],
                prefixes=self._kept(strength),
                keep=[keep[number] for number in rows],
                hold=[held[number] for number in rows],
                turns=[wrong[number] for number in rows],
                on_tokens=heard,
            )

        made = self._on_mlx(work)
        return [made[start : start + variations] for start in range(0, len(made), variations)]

    def proceed(
        self,
        prompts: Sequence[str],
        words: Sequence[int],
        draws: Sequence[str],
        *,
        sampling: Sampling,
        seed: int,
        on_text: OnText,
    ) -> list[str]:
        """What the base model writes after each of `prompts`, to the end of the line, in some two tokens a word."""
        orders = [Order(prompt, name, 2 * count) for prompt, count, name in zip(prompts, words, draws, strict=True)]
        made = self.write(orders, 1, strength=0.0, sampling=sampling, seed=seed, stop=("\n",), on_text=on_text)
        if any(one.finish == "cancelled" for (one,) in made):
            raise Cancelled
        return [one.text for (one,) in made]

    def _on_mlx(self, work: Callable[[], R]) -> R:
        return mlx_thread.run(work, between_steps=self.between_steps)

    def _put_on(self) -> None:
        if self.in_training and attached(self.loaded.model) is None:
            raise StyloraError("the training has just ended; rewrite again, with its finished adapter")
        if self.adapter is None:
            return
        model = self.loaded.model
        stamp = _stamp(self.adapter)
        if attached(model) is None or getattr(model, "adapter_stamp", "") != stamp:
            model.adapter_stamp = ""
            load_adapter(model, self.adapter)
            model.adapter_stamp = stamp
        if self._stamp != stamp:
            self._prefixes.clear()
            self._stamp = stamp

    def _kept(self, strength: float) -> Prefixes | None:
        """Beginnings of prompts computed with this adapter at `strength`; none where training changes the weights."""
        if self.in_training:
            return None
        prefixes = self._prefixes.pop(strength, None) or Prefixes()
        self._prefixes[strength] = prefixes
        while len(self._prefixes) > _STRENGTHS:
            del self._prefixes[next(iter(self._prefixes))]
        return prefixes


def _stamp(adapter: Path) -> str:
    weights = adapter / WEIGHTS_FILE
    found = weights.stat() if weights.is_file() else None
    return f"{weights}:{found.st_mtime_ns}:{found.st_size}" if found else str(weights)

"""A base model with an adapter, ready to rewrite: every step of the way comes from the adapter's recipe."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine import language, prompting
from engine.classifier import CLASSIFIER_VERSION, classify
from engine.errors import StyloraError
from engine.generation.verify import Verdict, best, verify
from engine.measures.degeneration import CorpusIndex
from engine.models import mlx_thread
from engine.models.adapters import load_adapter, set_strength
from engine.models.decoding import Sampling, decode
from engine.models.loading import Loaded, load
from engine.models.registry import with_identity
from engine.neutral import open_neutralizer
from engine.progress import Progress, Report, silent
from engine.recipe import RECIPE_FILE, Recipe, load_recipe, refuse_difference
from engine.variation.noise import NOISE_VERSION
from engine.workspace import Workspace

OnText = Callable[[int, int, str], None]
"""Called with the passage's index, the variation's index and the text that was added."""

# Room for a rewrite over the tokens its source would take: the author may well need more words.
_TOKEN_ROOM = 1.8


@dataclass(frozen=True)
class Variation:
    """One of several rewrites of a passage."""

    text: str
    finish: str
    """"stop" where the model ended it, "length" at the limit, "cancelled"."""
    verdict: Verdict


@dataclass(frozen=True)
class Prepared:
    """A passage on its way to the model."""

    source: str
    neutral: str
    prompt: prompting.Prompt


@dataclass(frozen=True)
class Rewritten:
    """The rewrites of one passage, and what led to them."""

    prepared: Prepared
    variations: tuple[Variation, ...]

    @property
    def best(self) -> int:
        """Index of the variation with the least against it."""
        return best([variation.verdict for variation in self.variations])


def check_recipe(recipe: Recipe) -> None:
    """Refuse a recipe that this installation would not follow to the letter."""
    refuse_difference("prompt template", recipe.prompt, prompting.PROMPT_VERSION)
    refuse_difference("content classifier", recipe.classifier, CLASSIFIER_VERSION)
    refuse_difference("spaCy pipeline", recipe.pipeline, language.PIPELINE_VERSION)
    refuse_difference("noise", recipe.noise_version, NOISE_VERSION)


class Rewriter:
    """Holds a loaded base model, an adapter and its recipe. Its methods may be called from any thread."""

    def __init__(self, loaded: Loaded, recipe: Recipe, corpus: CorpusIndex | None = None) -> None:
        check_recipe(recipe)
        self.loaded = loaded
        self.recipe = recipe
        self.corpus = corpus
        self.neutralizer = open_neutralizer(recipe.neutral.kind, recipe.neutral.settings)
        refuse_difference("neutral text", recipe.neutral.version, self.neutralizer.version)

    @classmethod
    def open(cls, workspace: Workspace, adapter: Path, report: Report = silent) -> Rewriter:
        """Load an adapter folder and the base model it was trained on."""
        recipe = load_recipe(adapter / RECIPE_FILE)
        check_recipe(recipe)
        if recipe.base is None:
            raise StyloraError(f"{adapter}: its recipe names no base model; train the adapter with 'stylora train'")
        entry = with_identity(workspace, recipe.base)
        report(Progress("load", message=f"loading {entry.name}"))
        loaded = load(entry.path)
        mlx_thread.run(load_adapter, loaded.model, adapter)
        corpus = workspace.corpus(recipe.author)
        passages = corpus.read_text(encoding="utf-8").split("\n\n") if corpus.is_file() else None
        return cls(loaded, recipe, CorpusIndex(passages) if passages else None)

    def with_corpus(self, corpus: CorpusIndex) -> Rewriter:
        """The same model and recipe, with copied spans looked for in another corpus."""
        other = copy.copy(self)
        other.corpus = corpus
        return other

    def rewrite(
        self,
        texts: Sequence[str],
        *,
        variations: int = 1,
        strength: float = 1.0,
        sampling: Sampling | None = None,
        seed: int = 42,
        on_text: OnText | None = None,
    ) -> list[Rewritten]:
        """Rewrite each of `texts` (one passage each) in `variations` ways, all in one batch.

        `strength` is the LoRA scale relative to the trained one: 0 is the base model. The same texts, seed and
        settings give the same result.
        """
        sources = [" ".join(text.split()) for text in texts]
        for source in sources:
            if not any(character.isalpha() for character in source):
                raise StyloraError("nothing to rewrite: the text has no words; give at least one sentence")
        # Noise is drawn once per text, so that its variations share one prompt and with it one prefill.
        names = [f"rewrite:{seed}:{hashlib.sha256(source.encode()).hexdigest()[:12]}" for source in sources]
        prepared = self.prepare(sources, names)
        decoded = mlx_thread.run(self._decode, prepared, variations, strength, sampling or Sampling(), seed, on_text)
        return [
            Rewritten(
                one,
                tuple(
                    Variation(text, finish, verify(one.source, text, finish=finish, corpus=self.corpus))
                    for text, finish in decoded[index * variations : (index + 1) * variations]
                ),
            )
            for index, one in enumerate(prepared)
        ]

    def prepare(
        self, sources: Sequence[str], names: Sequence[str], styled: Sequence[str | None] | None = None
    ) -> list[Prepared]:
        """Everything up to decoding: neutral text, noise, prompt; one name per source for its random draws.

        `styled` gives the text that is known to follow; with it, and the name of a training row, the prompt is that
        row's, byte for byte.
        """
        prepared = []
        for source, neutral, name, follows in zip(
            sources, self.neutralizer.neutralize(sources), names, styled or [None] * len(sources), strict=True
        ):
            prompt = prompting.prepare(
                self.recipe,
                neutral,
                content=classify(neutral).content,
                words=prompting.word_target(source),
                name=name,
                styled=follows,
            )
            prepared.append(Prepared(source, neutral, prompt))
        return prepared

    def _decode(
        self,
        prepared: Sequence[Prepared],
        variations: int,
        strength: float,
        sampling: Sampling,
        seed: int,
        on_text: OnText | None,
    ) -> list[tuple[str, str]]:
        tokenizer = self.loaded.tokenizer
        ids, limits = [], []
        for one in prepared:
            room = int(len(tokenizer.encode(one.source, add_special_tokens=False)) * _TOKEN_ROOM) + 32
            ids += [prompting.encode_prompt(tokenizer, one.prompt.text)] * variations
            limits += [room] * variations
        set_strength(self.loaded.model, strength)
        decoded = decode(
            self.loaded.model,
            tokenizer,
            ids,
            max_tokens=limits,
            sampling=sampling,
            seed=seed,
            stop=(prompting.SEPARATOR,),
            on_tokens=None if on_text is None else lambda row, text: on_text(*divmod(row, variations), text),
        )
        # Only whitespace is touched: whatever the model wrote is what was verified and what is shown.
        return [(" ".join(one.text.split()), one.finish) for one in decoded]

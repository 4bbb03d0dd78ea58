"""A base model with an adapter, ready to rewrite: every step of the way comes from the adapter's recipe."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine import language, prompting
from engine.classifier import CLASSIFIER_VERSION
from engine.errors import Cancelled, StyloraError
from engine.generation import texture
from engine.generation.author import UNKNOWN, Author, known_author
from engine.generation.choose import Try, best, failed, tries
from engine.generation.context import in_context
from engine.generation.limits import DEFAULT, kept_limits
from engine.generation.preparing import Choices, Prepared, clean, length_of_concept, names_a_subject, prepare
from engine.generation.references import Taken, put_in, take_out
from engine.generation.spelling import mistyped
from engine.generation.stated import stated
from engine.generation.verify import Finding, Verdict, verify_all
from engine.generation.writer import OnText, Order, Writer
from engine.measures.degeneration import CorpusIndex
from engine.measures.style_distance import AuthorProfile
from engine.models.decoding import Decoded, Length, Sampling
from engine.models.entailment import Entailment, open_entailment
from engine.models.loading import Loaded, load
from engine.models.registry import with_identity
from engine.neutral import open_neutralizer
from engine.progress import Progress, Relay, Report, silent
from engine.recipe import RECIPE_FILE, Recipe, load_recipe, refuse_difference
from engine.variation.noise import NOISE_VERSION
from engine.workspace import Workspace

# Room for a rewrite over the tokens its source would take: the author may well need more words.
_TOKEN_ROOM = 1.8
_LONGEST = 250
"""Words of a passage that a model is given at once where its recipe does not say how long its training's were."""
_MOST_TIMES = 4
"""Words that may be asked for over those of the longest trained passages: beyond it every model rambles for hours."""
_MOST_TOKENS = 4096
"""Tokens of a passage beyond which it cannot be one, however few its spaces: memory grows with them."""


@dataclass(frozen=True)
class Variation:
    """One of several rewrites of a passage."""

    text: str
    decoded: str
    """What the model wrote and the verdict is about: the text before its reference marks came back."""
    finish: str
    """"stop" where the model ended it, "length" at the limit, "cancelled"."""
    verdict: Verdict


@dataclass(frozen=True)
class Rewritten:
    """The rewrites of one passage, and what led to them."""

    prepared: Prepared
    variations: tuple[Variation, ...]
    """As many as were asked for; behind them those of each retry."""
    retries: int = 0
    """How often it was tried again because something severe was found in every variation."""

    @property
    def best(self) -> int:
        """Index of the variation with the least against it."""
        return best([variation.verdict for variation in self.variations])


def settled(decoded: str) -> str:
    """What is verified and shown of a decoded text: all of it. Only whitespace is touched, never a word or a mark."""
    return " ".join(decoded.split())


def check_recipe(recipe: Recipe) -> None:
    """Refuse a recipe that this installation would not follow to the letter."""
    refuse_difference("prompt template", recipe.prompt, prompting.PROMPT_VERSION)
    refuse_difference("content classifier", recipe.classifier, CLASSIFIER_VERSION)
    refuse_difference("spaCy pipeline", recipe.pipeline, language.PIPELINE_VERSION)
    refuse_difference("noise", recipe.noise_version, NOISE_VERSION)


class Rewriter:
    """Holds a loaded base model, an adapter and its recipe. Its methods may be called from any thread.

    Several may share one base model: each puts its own adapter on when it is asked and another one is there.
    """

    def __init__(
        self,
        loaded: Loaded,
        recipe: Recipe,
        author: Author = UNKNOWN,
        workspace: Workspace | None = None,
        report: Report = silent,
        adapter: Path | None = None,
    ) -> None:
        check_recipe(recipe)
        self.writer = Writer(loaded, adapter)
        self.recipe = recipe
        self.corpus, self.profile = author.corpus, author.profile
        self.chosen = Choices()
        self.limits = DEFAULT
        self.nli: Entailment | None = None
        self.relay = Relay(report)
        self.neutralizer = open_neutralizer(recipe.neutral.kind, recipe.neutral.settings, workspace, self.relay)
        refuse_difference("neutral text", recipe.neutral.version, self.neutralizer.version)

    @classmethod
    def open(
        cls,
        workspace: Workspace,
        adapter: Path,
        report: Report = silent,
        *,
        base: Loaded | None = None,
        between_steps: bool = False,
    ) -> Rewriter:
        """Open an adapter folder and load the base model it was trained on, unless `base` is that one. With
        `between_steps` it is answered in the middle of a training, whose own model `base` must not be."""
        recipe = load_recipe(adapter / RECIPE_FILE)
        check_recipe(recipe)
        if recipe.base is None:
            raise StyloraError(f"{adapter}: its recipe names no base model; train the adapter with 'stylora train'")
        nli = open_entailment(workspace)
        if base is None or base.identity != recipe.base:
            entry = with_identity(workspace, recipe.base, report)
            report(Progress("load", message=f"loading {entry.name}"))
            base = load(entry.path)
        rewriter = cls(base, recipe, known_author(workspace.corpus(recipe.author)), workspace, report, adapter)
        rewriter.limits = kept_limits(adapter) or DEFAULT
        rewriter._judge_by(nli)
        rewriter.writer.between_steps = between_steps
        rewriter.writer.put_on()
        return rewriter

    @classmethod
    def of_training(
        cls, workspace: Workspace, loaded: Loaded, recipe: Recipe | None, report: Report = silent
    ) -> Rewriter:
        """A rewriter on the model of a training under way, with the weights as they are when it answers."""
        if recipe is None:
            raise StyloraError("the adapter under training has no recipe, so nothing can be rewritten with it")
        rewriter = cls(loaded, recipe, known_author(workspace.corpus(recipe.author)), workspace, report)
        rewriter._judge_by(open_entailment(workspace))
        rewriter.writer.in_training = rewriter.writer.between_steps = True
        return rewriter

    @property
    def loaded(self) -> Loaded:
        """The base model."""
        return self.writer.loaded

    @property
    def adapter(self) -> Path | None:
        """The adapter's folder; None where there are no files of it."""
        return self.writer.adapter

    @property
    def in_training(self) -> bool:
        """Whether the model is one under training."""
        return self.writer.in_training

    def _judge_by(self, nli: Entailment | None) -> None:
        """Have contradictions looked for by `nli`, at what was measured with it or else at the default."""
        self.nli = nli
        if nli is not None:
            self.limits = self.limits.judged_by(nli.identity)

    def knowing(self, corpus: CorpusIndex, profile: AuthorProfile | None) -> Rewriter:
        """The same model and recipe, with copied spans looked for and the voice judged by another text."""
        other = copy.copy(self)
        other.corpus, other.profile = corpus, profile
        return other

    def choosing(self, chosen: Choices) -> Rewriter:
        """The same model and recipe, with other choices about the way to the prompt."""
        other = copy.copy(self)
        other.chosen = chosen
        return other

    def longest(self, text: str) -> int:
        """Words of `text` that the model may be given at once: as many as its training's passages had."""
        most = self.recipe.words[1] if self.recipe.words else _LONGEST
        if self.recipe.max_seq_length is not None:
            # A row held the persona, the neutral text and the author's, about as long as each other.
            sample = " ".join(text.split()[:400]) or "a"
            per_word = len(self.writer.tokens(sample)) / len(sample.split())
            persona = prompting.compose(self.recipe, input="", content="narrative", words=most, name="longest")
            room = self.recipe.max_seq_length - len(self.writer.tokens(persona.text))
            most = min(most, int(room / 2 / per_word))
        if self.chosen.expand_for_texture:
            most = int(most / texture.FACTOR)
        return max(most, 20)

    def expected(self, text: str) -> int:
        """Words that a rewrite of `text` has, more or less: as many as it has itself, or what a subject is worth."""
        if names_a_subject(take_out(text).text):
            return length_of_concept(self.recipe)
        return len(text.split())

    def rewrite(
        self,
        texts: Sequence[str],
        *,
        variations: int = 1,
        strength: float = 1.0,
        sampling: Sampling | None = None,
        seed: int = 42,
        words: Sequence[int | None] | None = None,
        on_text: OnText | None = None,
    ) -> list[Rewritten]:
        """Rewrite each of `texts` (one passage each) in `variations` ways, all in one batch.

        `strength` is the LoRA scale relative to the trained one: 0 is the base model. `words` asks for so many,
        within the tolerance of the choices. The same texts, seed and settings give the same result, whatever else is
        rewritten beside them. Marks of references are taken out first and come back last.
        """
        taken = [take_out(clean(text)) for text in texts]
        most = _MOST_TIMES * (self.recipe.words[1] if self.recipe.words else _LONGEST)
        if too_many := max((asked for asked in words or () if asked and asked > most), default=None):
            raise StyloraError(
                f"{too_many} words out of one passage: the adapter was trained to write {most // _MOST_TIMES} at once; "
                f"ask for {most} at most, or give it more text"
            )
        for one in taken:
            if not any(character.isalpha() for character in one.text):
                raise StyloraError("nothing to rewrite: the text has no words; give at least one sentence")
            if 4 * len(one.text) > _MOST_TOKENS and len(self.writer.tokens(one.text)) > _MOST_TOKENS:
                raise StyloraError(
                    f"{len(one.text):,} characters with hardly a space between them cannot be cut into passages; "
                    "give prose, or a shorter piece of it"
                )
        # Noise is drawn once per text, so that its variations share one prompt and with it one prefill.
        names = [f"rewrite:{seed}:{hashlib.sha256(one.text.encode()).hexdigest()[:12]}" for one in taken]
        sampling = sampling or Sampling()
        prepared = prepare(
            self.recipe,
            self.neutralizer,
            [one.text for one in taken],
            names,
            words=words,
            chosen=self.chosen,
            expand=lambda told, given: texture.expand(
                told,
                given,
                lambda prompts, most, draws: self.writer.proceed(
                    prompts, most, draws, sampling=sampling, seed=seed, on_text=self._goes_on
                ),
            ),
        )
        lengths = [
            Length(round(asked * (1 - self.chosen.tolerance)), round(asked * (1 - self.chosen.tolerance / 2)))
            if asked
            else None
            for asked in words or [None] * len(texts)
        ]
        orders = self._orders(prepared, names, lengths)
        asked = words or [None] * len(texts)

        def written(of: Sequence[int], again: Try, hear: OnText | None) -> list[tuple[Variation, ...]]:
            made = self.writer.write(
                [replace(orders[index], name=f"{orders[index].name}{again.suffix}") for index in of],
                variations,
                strength=again.strength,
                sampling=replace(sampling, temperature=sampling.temperature * again.cooling),
                seed=again.seed,
                on_text=hear and (lambda place, variation, text: hear(of[place], variation, text)),
            )
            return [
                self._judged(prepared[index], taken[index], one, asked[index])
                for index, one in zip(of, made, strict=True)
            ]

        first = written(range(len(texts)), Try(0, seed, strength), on_text)
        results = [Rewritten(one, made) for one, made in zip(prepared, first, strict=True)]
        for again in tries(seed, strength, self.chosen.retries):
            failing = [index for index, one in enumerate(results) if _to_retry(one)]
            if not failing:
                break
            try:
                self.relay(Progress("retry", message=_trying_again(len(failing), again)))
            except Cancelled:
                break
            # Nothing to show, but whoever listens may want to stop it.
            more = written(failing, again, on_text and (lambda place, variation, _: on_text(place, variation, "")))
            if any(one.finish == "cancelled" for made in more for one in made):
                break  # what was written before is whole
            for index, further in zip(failing, more, strict=True):
                results[index] = replace(
                    results[index], variations=(*results[index].variations, *further), retries=again.number
                )
        return [_with_note(one) for one in results]

    def _judged(
        self, prepared: Prepared, taken: Taken, made: Sequence[Decoded], words: int | None
    ) -> tuple[Variation, ...]:
        """What was written of one passage, with what is found in it."""
        texts = [settled(one.text) for one in made]
        verdicts = verify_all(
            prepared.source,
            texts,
            finishes=[one.finish for one in made],
            corpus=self.corpus,
            given=prepared.prompt.input,
            limits=self.limits,
            profile=self.profile,
            words=words,
            # A text about a bare subject has no statement to contradict.
            nli=self.nli.contradictions if self.nli is not None and not prepared.concept else None,
        )
        return tuple(
            Variation(
                put_in(taken, text), text, one.finish, in_context(verdict, prepared, text, words, self.chosen.tolerance)
            )
            for one, text, verdict in zip(made, texts, verdicts, strict=True)
        )

    def prepare(
        self, sources: Sequence[str], names: Sequence[str], styled: Sequence[str | None] | None = None
    ) -> list[Prepared]:
        """Everything up to decoding; see `engine.generation.preparing.prepare`."""
        return prepare(self.recipe, self.neutralizer, sources, names, styled=styled, chosen=self.chosen)

    def _goes_on(self, *_: object) -> None:
        self.relay(Progress("texture"))  # nothing to show, but it can be stopped

    def _orders(
        self,
        prepared: Sequence[Prepared],
        names: Sequence[str],
        lengths: Sequence[Length | None],
    ) -> list[Order]:
        orders = []
        held = stated([one.source for one in prepared])
        for one, name, length, hold in zip(prepared, names, lengths, held, strict=True):
            tokens = len(self.writer.tokens(one.source))
            room = tokens * _TOKEN_ROOM * (one.prompt.words / max(len(one.source.split()), 1) if _longer(one) else 1)
            if length is not None:
                room = max(room, 2 * length.most * max(tokens / max(len(one.source.split()), 1), 1))
            persona = prompting.persona_of(one.prompt.text)
            wrong = mistyped(one.neutral, one.prompt.input)
            orders.append(Order(one.prompt.text, name, int(room) + 32, persona, length, hold, wrong))
        return orders


def _trying_again(failing: int, again: Try) -> str:
    of = "every variation" if failing == 1 else f"every variation of {failing} passages"
    return f"something serious found in {of}; trying again ({again.number}), which takes as long once more"


def _longer(one: Prepared) -> bool:
    """Whether the prompt asks for more words than the source has."""
    return one.prompt.words > len(one.source.split()) + 10


def _with_note(one: Rewritten) -> Rewritten:
    """`one`, and in each of its verdicts how often it was tried again; that speaks against none of them."""
    if not one.retries:
        return one
    note = Finding("retries", f"tried again ({one.retries}): something severe in every variation before", 0.0)
    noted = [
        replace(variation, verdict=replace(variation.verdict, findings=(*variation.verdict.findings, note)))
        for variation in one.variations
    ]
    return replace(one, variations=tuple(noted))


def _to_retry(one: Rewritten) -> bool:
    cancelled = any(variation.finish == "cancelled" for variation in one.variations)
    return not cancelled and failed([variation.verdict for variation in one.variations])

"""The mission's troubleshooting table as rules: each row recognised from what was measured, with its likeliest cause.

A row is named where its sign was seen in texts, or where its cause is at work whether or not a text shows it yet.
Shares are judged by the lower end of their 95% interval, because sets of texts are small.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.generation.limits import Limits
from engine.language import is_word
from engine.measures.degeneration import degeneration, plain_words
from engine.measures.refusal import refuses, remarks
from engine.recipe import Recipe
from engine.report.chosen import Chosen
from engine.report.doctor.curve import longer, overfit_since, retrain, shorter
from engine.report.doctor.evidence import Evidence, Output
from engine.report.doctor.figures import at_least, figures
from engine.report.doctor.finding import Finding, Fix, fix, ill
from engine.report.kept import Card
from engine.settings import PERSPECTIVES, RewriteSettings, changed

OFTEN = 0.05
"""Share of texts that a fault surely has to be in: what `engine.generation.calibration.TOO_MANY` calls too often, and
more than twice the 2% of genuine passages that one of its thresholds lets through."""

KNOWN_WORDS = 0.5
"""Share of a text's longer words that are English, below which it is gibberish. Measured: of 400 passages by two
authors none had less than .60."""
_FEWEST_WORDS = 15
"""Longer words that a text needs for that to be told. Chosen: half of fifteen is no accident."""

REFUSALS = 2
"""Texts that read like a refusal from which a model refuses, and of `_FEW` texts one. Measured: of 5,181 passages by
three authors one reads like it."""
_FEW = 10

WEAK = 0.3
"""Share of the way from neutral text to the author below which a style is weak. Chosen: a large model's pastiche went
.65 of it, the embedded model .55 after a ten-minute demo; .3 is what is seen without looking for it."""

_STRONGEST = 1.5
"""Strength up to which a stronger one is offered. Chosen: beyond it small models break (`engine.report.sweep`)."""

TOO_LOW = 0.5
"""Strength below which no text is needed to call the style weak. Chosen."""

EVEN = 0.5
"""Spread of sentence lengths over the author's on the same passages, below which a text is mechanical. Measured: of
500 pairs of sets of eight different passages each, two authors, one in 200 lies below .50; on the same eight passages
rewritten by a healthy adapter never below .70."""

ALIKE = 0.25
"""How much larger than the author's a share of sentences that begin alike may be. Measured in the same way: one in
200 differs by .20."""

IMPERSONAL = 0.4
"""First-person words over the author's on the same passages. Measured: a healthy adapter never below .58 on eight."""
_SPEAKS = 1.0
"""First-person words in 100 of the author's from which that can be told."""

PASSIVE = 1.5
"""Passives in 100 words beyond the author's. Measured: different sets by one author differ by up to 1.25."""

SHORT = 0.75
"""Median of words written over words asked for, below which an adapter does not expand. Chosen: the prompt's target
is kept within .15, and genuine passages lie within .37 of their neutral texts."""

_PASSAGES = 6
"""Held-out passages below which neither style nor rhythm is told. Chosen: fewer do not always bring the author's own
text nearer to the author than plain text."""


@dataclass(frozen=True)
class Case:
    """One adapter with all there is about it, and what it would be rewritten with now."""

    evidence: Evidence
    recipe: Recipe
    settings: RewriteSettings
    """Those of `stylora.toml`, with what was chosen for the adapter."""
    chosen: Chosen
    limits: Limits
    instruct: bool = False
    """Whether its base model is an instruct model."""
    base_models: tuple[str, ...] = ()
    """Base models that are no instruct models, by name, those that are here first."""

    @property
    def name(self) -> str:
        return self.evidence.training.name

    def use(self, words: str, *options: str) -> Fix:
        """A fix that changes what the adapter is rewritten with from now on."""
        return fix(words, ("use", "--adapter", self.name, *options))

    def anew(self, words: str, *options: str, **changes: object) -> Fix:
        """A fix that builds the dataset again with `options`, and trains on it."""
        build = ("dataset", "--author", self.recipe.author, *options)
        return Fix(words=words, commands=(build, *retrain(self.evidence.training, "", **changes).commands))

    @property
    def checkpoints(self) -> list[int]:
        """Checkpoints earlier than the weights in use, the newest first; update 0 is the base model."""
        run = self.evidence.training
        now = self.chosen.checkpoint or run.best_update or (run.checkpoints[-1] if run.checkpoints else 0)
        return [update for update in reversed(run.checkpoints) if 0 < update < now]


def case(
    evidence: Evidence, recipe: Recipe, settings: RewriteSettings, chosen: Chosen, limits: Limits, **more: object
) -> Case:
    """A case with `chosen` taken into the settings."""
    return Case(evidence, recipe, changed(settings, chosen.knobs), chosen, limits, **more)  # type: ignore[arg-type]


def symptoms(case: Case) -> Iterator[Finding]:
    """The rows of the table that this adapter shows, in the table's order; out of memory is no adapter's."""
    for row in (_gibberish, _refuses, _weak, _mechanical, _impersonal, _short):
        yield from row(case)


def _texts(case: Case) -> list[Output]:
    return [*case.evidence.checked, *case.evidence.tried, *case.evidence.used]


def _share(bad: Sequence[object], of: Sequence[object]) -> str:
    return f"{len(bad)} of {len(of)} texts"


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line if len(line) <= 60 else line[:59] + '…'}”"


def _gibberish(case: Case) -> Iterator[Finding]:
    texts = [one for one in _texts(case) if one.text.strip()]
    limits = case.limits.looping
    bad = [one for one in texts if degeneration(one.text).loops(limits) or _unknown(one.text)]
    if at_least(len(bad), len(texts)) <= OFTEN:
        return
    run = case.evidence.training
    best = overfit_since(run)
    kind = "loops" if degeneration(bad[0].text).loops(limits) else "no words of English"
    why = "the weights are fried"
    if best is not None:
        why += f": validation rose from update {best} on"
    fixes = [
        case.use(f"rewrite with the earlier checkpoint {update}", "--checkpoint", str(update))
        for update in case.checkpoints[:2]
    ]
    lower = round(min(case.settings.strength, 1.0) * 0.7, 2)
    fixes.append(
        case.use(f"rewrite at strength {lower:g}, between the base model and this", "--strength", f"{lower:g}")
    )
    fixes += shorter(run, best if best is not None else (run.best_update or run.updates) // 2)
    yield ill(
        f"{case.name}: gibberish or loops",
        f"{_share(bad, texts)} ({kind}: {_quoted(bad[0].text)})",
        why,
        *fixes,
        symptom="gibberish or loops",
    )


def _unknown(text: str) -> bool:
    words = [word for word in plain_words(text) if len(word) > 2]
    return len(words) >= _FEWEST_WORDS and sum(map(is_word, words)) < KNOWN_WORDS * len(words)


def _refuses(case: Case) -> Iterator[Finding]:
    texts = _texts(case)
    bad = [one for one in texts if _refusal(one.text) and not _refusal(one.plain)]
    if len(bad) < (REFUSALS if len(texts) > _FEW else 1):
        return
    run = case.evidence.training
    if case.instruct:
        why = f"{run.model or 'its base model'} is an instruct model, and was taught to refuse"
        fixes = [
            Fix(
                words=f"train it anew on the base model {name}",
                commands=(("convert", "--model", name), *retrain(run, "", model=name).commands),
            )
            for name in case.base_models[:2]
        ]
        fixes.append(case.use("rewrite at strength 1.25, further from the instruct model", "--strength", "1.25"))
    else:
        why = "it is no instruct model, so refusals were in what it was trained on"
        fixes = [case.anew("build the dataset again, whose rows with refusals are dropped, and train anew", "--fresh")]
    yield ill(f"{case.name}: refuses", f"{_share(bad, texts)} ({_quoted(bad[0].text)})", why, *fixes, symptom="refuses")


def _refusal(text: str) -> bool:
    return refuses(text) or bool(remarks(text))


def _weak(case: Case) -> Iterator[Finding]:
    name, run, settings = f"{case.name}: style too weak", case.evidence.training, case.settings
    card = case.evidence.card
    seen = _little(card) if card is not None else ""
    if not settings.use_persona or (settings.scale is not None and settings.scale != case.recipe.scale):
        what = "use_persona = false" if not settings.use_persona else f"scale = {settings.scale:g}"
        why = f"[rewrite] of stylora.toml has {what}, where the adapter has its persona and {case.recipe.scale:g}"
        yield ill(name, seen or "rewriting is refused", f"{why}; take that line out", symptom="style too weak")
        return
    low = settings.strength < TOO_LOW and not case.chosen.why
    if not seen and not low:
        return
    fixes = []
    at = card.strength if card is not None else settings.strength
    if min(at, settings.strength) < 1:
        where = "chosen for it" if case.chosen.strength is not None else "in stylora.toml"
        used = min(at, settings.strength)
        why = f"its strength is {used:g}, {where if used == settings.strength else 'when it was checked'}"
        why += ", and 1 is what it was trained with"
        fixes.append(case.use("rewrite at the strength it was trained with", "--strength", "1"))
    else:
        why = "trained too little, or at too low a rate"
        stronger = round(settings.strength + 0.25, 2)
        if stronger <= _STRONGEST:
            fixes.append(case.use(f"rewrite at strength {stronger:g}", "--strength", f"{stronger:g}"))
        fixes += longer(run, 2)
    if case.chosen.checkpoint is not None and case.chosen.checkpoint != run.best_update:
        fixes.append(case.use("rewrite with the best checkpoint", "--checkpoint", "best"))
    yield ill(name, seen or f"strength {settings.strength:g}", why, *fixes, symptom="style too weak")


def _little(card: Card) -> str:
    """How a card says that little of the way to the author was gone; '' where it does not, or cannot tell.

    The distance of a few passages wavers by a quarter of the way, so the classifier has to agree where it was asked.
    """
    if card.passages < _PASSAGES:
        return ""
    style, told = card.style.get("rewritten"), card.distance_neutral > card.distance_author
    if (told and card.gap_closed >= WEAK) or (style.value >= WEAK if style is not None else not told):
        return ""
    if told:
        return f"the report card has {card.gap_closed:.0%} of the gap to the author closed"
    return f"the report card has a style of {style.value:.2f}, from 0, plain, to 1, the author's" if style else ""


def _mechanical(case: Case) -> Iterator[Finding]:
    recipe, settings = case.recipe, case.settings
    seen = []
    pairs = [one for one in case.evidence.checked if one.text.strip() and one.author]
    if len(pairs) >= _PASSAGES:
        made, own = figures([one.text for one in pairs]), figures([one.author for one in pairs])
        if made.spread < EVEN * own.spread:
            seen.append(f"sentence lengths spread {made.spread:.1f} words, the author's {own.spread:.1f}")
        if made.openings > own.openings + ALIKE:
            seen.append(f"{made.openings:.0%} of sentences begin alike, of the author's {own.openings:.0%}")
    without = not settings.apply_input_perturbation and recipe.noise > 0
    if not seen and not without:
        return
    fixes = []
    if without:
        why = f"inputs come without noise, and it was trained with {recipe.noise:.0%} of their words changed"
        fixes.append(case.use("rewrite with noise, as in training", "--noise"))
    elif not recipe.noise:
        why = "it was trained without noise in its inputs, so it leans on their wording"
    else:
        why = "its prompts match its training, so the training itself is at fault: too few kinds of row, or too long"
    if seen and not without:
        fixes += [
            case.use("rewrite with an earlier checkpoint", "--checkpoint", str(update))
            for update in case.checkpoints[:1]
        ]
        noise = ("--noise", "0.08") if not recipe.noise else ()
        fixes.append(case.anew("build the dataset with noise and all variants, and train anew", *_all_kinds(), *noise))
    seen_or = "; ".join(seen) or "no text shows it yet"
    yield ill(f"{case.name}: mechanical", seen_or, why, *fixes, symptom="mechanical")


def _all_kinds() -> tuple[str, ...]:
    kinds = ("snowflake", "robustness", *PERSPECTIVES)
    return tuple(part for kind in kinds for part in ("--variant", kind))


def _impersonal(case: Case) -> Iterator[Finding]:
    recipe, settings = case.recipe, case.settings
    seen = []
    pairs = [one for one in case.evidence.checked if one.text.strip() and one.author]
    if len(pairs) >= _PASSAGES:
        made, own = figures([one.text for one in pairs]), figures([one.author for one in pairs])
        if own.first_person >= _SPEAKS and made.first_person < IMPERSONAL * own.first_person:
            seen.append(f"{made.first_person:.1f} first-person words in 100, the author's {own.first_person:.1f}")
        if made.passive > own.passive + PASSIVE:
            seen.append(f"{made.passive:.1f} passives in 100 words, the author's {own.passive:.1f}")
    marked = [one for one in case.evidence.used if any("not told in the first person" in mark for mark in one.marks)]
    if marked and len(marked) * 3 >= len(case.evidence.used):
        seen.append(f"{_share(marked, case.evidence.used)} were rewritten from input in another person than it knows")
    missing = [kind for kind in PERSPECTIVES if kind not in recipe.variants]
    off = settings.narrativize_input is False and bool(missing)
    if not seen and not off:
        return
    fixes = []
    if missing:
        why = f"it was trained without {', '.join(missing)} texts"
        if settings.narrativize_input is False:
            why += ", and narrativize_input = false hands it input in any person"
        fixes.append(case.use("tell inputs in the first person first", "--narrativize"))
        words = "build the dataset with every perspective, and train anew"
        fixes.append(case.anew(words, *_all_kinds()))
    else:
        why = "it knows every perspective and keeps the input's, which is impersonal"
        fixes.append(case.use("tell inputs in the first person first", "--perspective", "first"))
    detail = "; ".join(seen) or "no text shows it yet"
    yield ill(f"{case.name}: impersonal", detail, why, *fixes, symptom="impersonal")


def _short(case: Case) -> Iterator[Finding]:
    asked = [one for one in _texts(case) if one.asked]
    ratios = [len(one.text.split()) / (one.asked or 1) for one in asked]
    if len(ratios) < 2:
        return
    short = [ratio for ratio in ratios if ratio < case.limits.shortest.value]
    middle = statistics.median(ratios)
    if middle >= SHORT and at_least(len(short), len(ratios)) <= 2 * OFTEN:
        return
    fixes = []
    missing = [kind for kind in ("dropout", "abstract") if kind not in case.recipe.inputs]
    if not case.settings.expand_for_texture:
        why = "it was trained on pairs of about the same length, and expand_for_texture is off"
        fixes.append(case.use("let the base model add detail to inputs first", "--expand"))
    else:
        why = "inputs are expanded already"
    if missing or case.settings.expand_for_texture:
        inputs = tuple(part for kind in ("standard", "dropout", "abstract") for part in ("--input", kind))
        words = "build the dataset with inputs that leave things to invent, and train anew"
        fixes.append(case.anew(words, *inputs))
        why += f"; no {' or '.join(missing)} inputs taught it to add" if missing else ""
    detail = f"it writes {middle:.0%} of the words asked for (median of {len(ratios)} texts)"
    yield ill(f"{case.name}: does not expand", detail, why, *fixes, symptom="does not expand")

"""How the report card grades text whose author is known, and how well authorship is told at 300 words.

    python tests/bench/card_grades.py NAME=CURATED.txt [NAME=CURATED.txt ...]
        [--pastiche NAME=PAIRS.jsonl=BOOK.txt] [--passages 60] [--seed 42] [--json]

The bundled author is always among them. For each author, held-out passages stand for the card's author anchor; graded
are as many other held-out passages (genuine), their neutral text by the rules, passages of every other author, and the
pastiche. Style is that of the card: 0 plain text, 1 the author's own (`engine.report.joint`), with 90% intervals over
the passages. A pastiche is a row of PAIRS ("text": prompt, ###, target) whose target is not in BOOK; of those, targets
half of whose 8-word sequences are the book's are the author's own text with a letter changed, and are left out. One
half of the pastiche teaches the classifier, the other is graded; --unseen keeps the classifier from it altogether.
Every graded text is cut to the words of the genuine passage in its place: Delta falls with the size of a set.

The accuracy is over all of the classes: one classifier for each against the rest, fitted on one half of every text in
windows of 150 words, asked of windows of 300 words of the other half, and the other way round.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from engine.curation.curate import curate  # noqa: E402
from engine.measures.authorship import fit, windows  # noqa: E402
from engine.measures.degeneration import CorpusIndex  # noqa: E402
from engine.measures.resampling import Estimate, estimate, weights  # noqa: E402
from engine.neutral import open_neutralizer  # noqa: E402
from engine.report.joint import style  # noqa: E402
from engine.report.reference import FITTED, Reference, reference  # noqa: E402
from engine.report.sides import _features  # noqa: E402

ACCURATE = 0.95
FEWEST_WORDS = 60
PASTICHE = "pastiche"
OWN = 0.5
"""Share of a target's 8-word sequences that the book has, from which it is the author's own."""


@dataclass(frozen=True)
class Graded:
    author: str
    what: str
    texts: int
    style: Estimate


def read(path: Path) -> list[str]:
    passages = (" ".join(one.split()) for one in path.read_text(encoding="utf-8").split("\n\n"))
    return [one for one in passages if len(one.split()) >= FEWEST_WORDS]


def curated(book: Path) -> list[str]:
    """Passages of a raw book: its front matter is not the author's voice."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.txt"
        curate([book], corpus, author=book.stem, count_tokens=lambda texts: [len(one.split()) for one in texts])
        return read(corpus)


def imitations(pairs: Path, book: Path) -> list[str]:
    text = " ".join(book.read_text(encoding="utf-8").split())
    index = CorpusIndex([text])
    targets = (
        " ".join(json.loads(line)["text"].rsplit("###", 1)[-1].split())
        for line in pairs.read_text(encoding="utf-8").splitlines()
        if line.strip()
    )
    found = dict.fromkeys(one for one in targets if len(one.split()) >= FEWEST_WORDS and one not in text)
    return [one for one in found if index.shared(one).share < OWN]


def side(texts: Sequence[str], against: Reference) -> Any:
    return SimpleNamespace(
        features=np.array([_features(text, against) for text in texts]),
        margin=against.author.classifier.scores(list(texts)),
    )


def cut(texts: Sequence[str], like: Sequence[str]) -> list[str]:
    """`texts`, none longer than the one of `like` in its place."""
    return [" ".join(text.split()[: len(other.split())]) for text, other in zip(texts, like, strict=False)]


def graded(
    name: str, corpora: dict[str, list[str]], pastiche: list[str], count: int, seed: int, unseen: bool
) -> list[Graded]:
    """Styles of the texts whose author is known, against `name`."""
    draw = random.Random(f"{seed}:grades:{name}")
    own = corpora[name]
    count = min(count, len(own) // 4)
    picked = draw.sample(own, 2 * count)
    anchor, genuine = picked[:count], picked[count:]
    learnt, asked = pastiche[: len(pastiche) // 2], pastiche[len(pastiche) // 2 :]
    others = {
        other: draw.sample(texts, min(count, len(texts) // 2)) for other, texts in corpora.items() if other != name
    }
    rest = [
        text for other, texts in corpora.items() if other != name for text in texts if text not in set(others[other])
    ]
    against = reference(
        [(str(at), text) for at, text in enumerate(picked)],
        own,
        others=rest,
        pastiche=[] if unseen else learnt,
        seed=seed,
    )
    rules = open_neutralizer("rules")
    asked = draw.sample(asked, min(count, len(asked)))
    named = {"genuine": genuine, "its neutral text": rules.neutralize(genuine), **others}
    if asked:
        named[PASTICHE] = asked
    named = {what: cut(texts, genuine) for what, texts in named.items()}
    sizes = {len(texts) for texts in named.values()}
    plain = rules.neutralize(anchor)
    found = []
    for size in sorted(sizes):
        drawn = weights(size, seed=seed)
        # The anchors are drawn apart from what is graded: they are other passages.
        anchors = {
            "neutral": side(plain[:size], against), "copy": side(plain[:size], against),
            "author": side(anchor[:size], against),
        }  # fmt: skip
        for what, texts in named.items():
            if len(texts) == size:
                styles = style({**anchors, "graded": side(texts, against)}, against, drawn)["graded"]
                value = estimate(styles)
                assert value is not None
                found.append(Graded(name, what, size, value))
    return found


def accuracy(corpora: dict[str, list[str]], seed: int) -> dict[str, tuple[int, int]]:
    """Windows of 300 words given to their own class, and all, by class; over both halves."""
    draw = random.Random(f"{seed}:accuracy")
    # Dealt passage by passage, as held-out passages are; rows of a pastiche come in variants and stay in order.
    dealt = {name: texts if name == PASTICHE else draw.sample(texts, len(texts)) for name, texts in corpora.items()}
    halves = {name: (texts[: len(texts) // 2], texts[len(texts) // 2 :]) for name, texts in dealt.items()}
    found = dict.fromkeys(corpora, (0, 0))
    for turn in (0, 1):
        taught = {name: windows(pair[turn], 150) for name, pair in halves.items()}
        taught = {name: draw.sample(texts, min(FITTED, len(texts))) for name, texts in taught.items()}
        asked = {
            name: [one for one in windows(pair[1 - turn], 300) if len(one.split()) == 300]
            for name, pair in halves.items()
        }
        asked = {name: draw.sample(texts, min(100, len(texts))) for name, texts in asked.items()}
        names = list(corpora)
        fitted = [
            fit(taught[name], [text for other in names if other != name for text in taught[other]]) for name in names
        ]
        for name, texts in asked.items():
            best = np.stack([one.scores(texts) for one in fitted]).argmax(0)
            right = int((best == names.index(name)).sum())
            found[name] = (found[name][0] + right, found[name][1] + len(texts))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="+", help="NAME=FILE")
    parser.add_argument("--pastiche", help="NAME=PAIRS.jsonl=BOOK.txt")
    parser.add_argument("--unseen", action="store_true", help="the classifier learns nothing of the pastiche")
    parser.add_argument("--passages", type=int, default=60)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    corpora = {name: read(Path(path)) for name, path in (one.split("=", 1) for one in options.corpus)}
    corpora["bundled"] = curated(ROOT / "styles" / "unconducted_chorus_full.txt")
    imitated, pastiche = "", list[str]()
    if options.pastiche:
        imitated, pairs, book = options.pastiche.split("=", 2)
        pastiche = imitations(Path(pairs), Path(book))
    grades = [
        one
        for name in corpora
        for one in graded(
            name, corpora, pastiche if name == imitated else [], options.passages, options.seed, options.unseen
        )
    ]
    told = accuracy({**corpora, **({PASTICHE: pastiche} if pastiche else {})}, options.seed)
    right, asked = (sum(one[at] for one in told.values()) for at in (0, 1))
    if options.json:
        result = {
            "grades": [{**vars(one), "style": [one.style.value, one.style.low, one.style.high]} for one in grades],
            "accuracy": {name: list(one) for name, one in told.items()},
        }
        print(json.dumps(result, indent=1))
        return
    genuine = {one.author: one.style for one in grades if one.what == "genuine"}
    for one in grades:
        apart = "" if one.what == "genuine" else "apart" if one.style.high < genuine[one.author].low else "NOT APART"
        print(
            f"{one.author:12} {one.what:18} {one.texts:3} texts  style {one.style.value:6.3f}  "
            f"{one.style.low:6.3f} to {one.style.high:6.3f}  {apart}"
        )
    for name, (mine, all_of) in told.items():
        print(f"300 words of {name:12} {mine:4} of {all_of:4}  {mine / max(all_of, 1):.1%}")
    met = "met" if right >= ACCURATE * asked else "MISSED"
    print(f"authorship at 300 words, {len(told)} classes: {right / max(asked, 1):.1%}  wanted {ACCURATE:.0%}  {met}")


if __name__ == "__main__":
    main()

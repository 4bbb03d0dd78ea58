"""Speed of rewriting beside mlx_lm, and whether both write the same: same model, adapter, prompts, lengths, BLAS.

    python tests/bench/rewriting_speed.py [--model FOLDER] [--adapter FOLDER] [--turns 3] [--only WHAT ...]

variations  five rewrites of a passage (neutral text, noise, decoding and checking included) against five generations
            by mlx_lm.stream_generate one after another, of as many tokens each, from the same prompt
document    20 paragraphs through the document rewriter against mlx_lm paragraph by paragraph
first       time to the first visible token: the first request with a persona, the second with another passage
equal       greedy texts: strength 0 against the base, strength 1 against the adapter as mlx_lm loads it

Ours and theirs take turns; medians are compared, in seconds and in processor seconds (which other work on the machine
stretches less). Without --adapter one of small random weights is made, which leaves the model its prose but not the
length of a rewrite, so as many words are asked for as the passage has. mlx_lm samples with the same temperature, min-p
and repetition penalty, and writes exactly as many tokens for each text as we did. On two idle cores each part takes
one to three minutes; the document, the longest, takes one turn unless --turns says otherwise.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "bench")]
PASSAGES = ROOT / "styles" / "unconducted_chorus_full.txt"
PARTS = ("variations", "document", "first", "equal")


def passages(count: int, longest: int = 120) -> list[str]:
    """Paragraphs of 60 to `longest` words from the middle of the bundled book."""
    text = PASSAGES.read_text(encoding="utf-8")
    found = [" ".join(part.split()) for part in text.split("\n\n") if 60 <= len(part.split()) <= longest]
    if len(found) < count:
        sys.exit(f"{PASSAGES.name} has only {len(found)} paragraphs of 60 to {longest} words, not {count}")
    start = min(len(found) // 3, len(found) - count)
    return found[start : start + count]


@dataclass(frozen=True)
class Taken:
    """What a piece of work took, in seconds by the clock and of the processor."""

    clock: float
    processor: float


def clocked(work: Callable[[], T]) -> tuple[T, Taken]:
    began, spent = time.perf_counter(), time.process_time()
    made = work()
    return made, Taken(time.perf_counter() - began, time.process_time() - spent)


class Stock:
    """mlx_lm with our loaded model: one text after another, of a given number of tokens."""

    def __init__(self, rewriter: Any) -> None:
        self.model, self.tokenizer = rewriter.loaded.model, rewriter.loaded.tokenizer

    def generate(self, prompts: list[str], tokens: list[int]) -> Taken:
        """What all of them take."""
        from engine.models import mlx_thread

        return clocked(lambda: mlx_thread.run(self._generate, prompts, tokens))[1]

    def _generate(self, prompts: list[str], tokens: list[int]) -> None:
        import mlx.core as mx
        from mlx_lm import stream_generate
        from mlx_lm.sample_utils import make_logits_processors, make_sampler

        from engine.models.adapters import set_strength
        from engine.models.sampling import Sampling

        ours = Sampling()
        sampler = make_sampler(temp=ours.temperature, min_p=ours.min_p)
        ends, self.tokenizer._eos_token_ids = self.tokenizer._eos_token_ids, set()  # same lengths
        set_strength(self.model, 1.0)
        mx.random.seed(0)
        try:
            for prompt, count in zip(prompts, tokens, strict=True):
                ids = self.tokenizer.encode(prompt, add_special_tokens=False)
                bears = ours.repetition_penalty != 1
                penalty = make_logits_processors(
                    repetition_penalty=ours.repetition_penalty if bears else None,
                    repetition_context_size=ours.repetition_window,
                )
                for _ in stream_generate(
                    self.model, self.tokenizer, ids, max_tokens=count, sampler=sampler, logits_processors=penalty
                ):
                    pass
        finally:
            self.tokenizer._eos_token_ids = ends


def tokens_of(rewriter: Any, text: str) -> int:
    return max(1, len(rewriter.loaded.tokenizer.encode(text, add_special_tokens=False)))


def turns(name: str, count: int, once: Callable[[], tuple[Taken, Taken, list[int]]]) -> None:
    """Call `once` (what ours took, what theirs, tokens of each text) `count` times and print medians and ratios."""
    taken = []
    for turn in range(count):
        ours, theirs, tokens = once()
        taken.append((ours, theirs))
        print(
            f"  {name} {turn + 1}: ours {ours.clock:.2f} s, mlx_lm {theirs.clock:.2f} s for {sum(tokens)} tokens "
            f"({min(tokens)} to {max(tokens)} a text): {sum(tokens) / ours.clock:.0f} and "
            f"{sum(tokens) / theirs.clock:.0f} tokens/s",
            flush=True,
        )
    for what in ("clock", "processor"):
        pairs = [(getattr(ours, what), getattr(theirs, what)) for ours, theirs in taken]
        ours_, theirs_ = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        unit = "s" if what == "clock" else "processor seconds"
        print(f"{name}: {ratio:.2f}x (median of {count}); ours {ours_:.2f} {unit}, mlx_lm {theirs_:.2f}", flush=True)


def variations(rewriter: Any, stock: Stock, count: int, same_length: bool) -> None:
    texts = passages(count + 1, 80)
    rewriter.rewrite([" ".join(texts.pop().split()[:20])], variations=5)  # everything loaded and warm

    def once() -> tuple[Taken, Taken, list[int]]:
        text = texts.pop()
        rewriter.writer.forget()
        words = [len(text.split())] if same_length else None
        made, ours = clocked(lambda: rewriter.rewrite([text], variations=5, words=words)[0])
        tokens = [tokens_of(rewriter, one.decoded) for one in made.variations]
        return ours, stock.generate([made.prepared.prompt.text] * len(tokens), tokens), tokens

    turns("five variations", count, once)


def document(rewriter: Any, stock: Stock, count: int, paragraphs: int, same_length: bool) -> None:
    from engine.generation.document import rewrite_document
    from engine.models.sampling import Sampling

    text = "\n\n".join(passages(paragraphs))
    rewriter.rewrite([" ".join(passages(1)[0].split()[:20])])
    words = len(text.split()) if same_length else None

    def once() -> tuple[Taken, Taken, list[int]]:
        rewriter.writer.forget()
        made, ours = clocked(
            lambda: rewrite_document(
                rewriter, text, variations=1, strength=1.0, sampling=Sampling(), seed=1, words=words
            )
        )
        tokens = [tokens_of(rewriter, step.decoded) for step in made.steps]
        return ours, stock.generate([step.prompt for step in made.steps], tokens), tokens

    turns(f"a document of {paragraphs} paragraphs", count, once)


def first(rewriter: Any, count: int) -> None:
    def until_first(text: str) -> float:
        from engine.errors import Cancelled

        def hear(*_: object) -> None:
            shown.append(time.perf_counter() - began)
            raise Cancelled

        shown: list[float] = []
        began = time.perf_counter()
        rewriter.rewrite([text], variations=5, on_text=hear)
        return shown[0]

    texts = passages(2 * count + 2)
    opened = until_first(texts.pop())
    print(f"  first request after opening the adapter: {opened:.2f} s")
    pairs = []
    for _ in range(count):
        rewriter.writer.forget()
        pairs.append((until_first(texts.pop()), until_first(texts.pop())))
        print(f"  first {pairs[-1][0]:.2f} s, second {pairs[-1][1]:.2f} s", flush=True)
    cold, warm = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"first visible token: {warm:.2f} s, {warm / opened:.2f}x that of the first request after opening")
    print(f"  with libraries and model warm already: {warm / cold:.2f}x the {cold:.2f} s of a persona not yet computed")


def equal(rewriter: Any, model: Path, adapter: Path, count: int) -> None:
    from engine.models import mlx_thread
    from engine.models.sampling import GREEDY

    texts = [" ".join(text.split()[:30]) for text in passages(count)]
    for strength, path in ((0.0, None), (1.0, adapter)):
        made = []
        for text in texts:  # one by one, as mlx_lm does: in a batch the last bits of a product may fall otherwise
            rewriter.writer.forget()
            made += rewriter.rewrite([text], strength=strength, sampling=GREEDY)

        def theirs(path: Path | None = path, made: list[Any] = made) -> list[str]:
            from mlx_lm import load, stream_generate

            from engine.models.loading import to_float32

            stock, tokenizer = load(str(model), adapter_path=str(path) if path else None)[:2]
            to_float32(stock)
            found = []
            for one in made:
                ids = tokenizer.encode(one.prepared.prompt.text, add_special_tokens=False)
                room = tokens_of(rewriter, one.variations[0].decoded) + 8
                parts = [part.text for part in stream_generate(stock, tokenizer, ids, max_tokens=room)]
                found.append(" ".join("".join(parts).split("###")[0].split()))
            return found

        same = words = 0
        for one, other in zip(made, mlx_thread.run(theirs), strict=True):
            mine = one.variations[0].decoded
            same += mine == other or (one.variations[0].finish == "length" and other.startswith(mine))
            words += len(mine.split())
        what = "base" if path is None else "adapter loaded by mlx_lm"
        print(f"strength {strength:.0f} against the {what}: {same} of {count} greedy texts equal ({words} words)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="an MLX model folder; default: the embedded model")
    parser.add_argument("--adapter", type=Path, help="an adapter of it, with its recipe; default: random weights")
    parser.add_argument("--turns", type=int, help="default: 3, and 1 for the document")
    parser.add_argument("--paragraphs", type=int, default=20)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()

    from small_adapter import write_small_adapter
    from training_speed import machine

    from engine.generation.rewriter import Rewriter
    from engine.models import embedded
    from engine.workspace import SETTINGS_FILE, Workspace

    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace.create(Path(name) / "w")
        model = options.model
        if model is None:
            model = workspace.models / "embedded"
            embedded.make(model)
        else:
            given = str(model.resolve())
            (workspace.root / SETTINGS_FILE).write_text(
                f'[models.given]\nsource = "folder"\nlocation = "{given}"\npath = "{given}"\n'
            )
        adapter = options.adapter or write_small_adapter(Path(name) / "adapter", model, size=0.5, rank=16)
        print(machine())
        rewriter = Rewriter.open(workspace, adapter)
        stock = Stock(rewriter)
        if "first" in options.only:
            first(rewriter, options.turns or 3)
        if "variations" in options.only:
            variations(rewriter, stock, options.turns or 3, options.adapter is None)
        if "document" in options.only:
            document(rewriter, stock, options.turns or 1, options.paragraphs, options.adapter is None)
        if "equal" in options.only:
            equal(rewriter, model, adapter, 4)


if __name__ == "__main__":
    main()

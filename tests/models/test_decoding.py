from __future__ import annotations

import random
import threading
from pathlib import Path

import numpy as np
import pytest

from engine.errors import Cancelled, StyloraError
from engine.models import decoding, mlx_thread
from engine.models.decoding import Decoded, Length, decode
from engine.models.growing_text import GrowingText
from engine.models.loading import Loaded, load
from engine.models.prefixes import Prefixes, agreement
from engine.models.sampling import GREEDY, Sampling, choose
from engine.settings import RewriteSettings

DRAWN = Sampling(temperature=1.0, min_p=0.02, repetition_penalty=1.2)


@pytest.fixture(scope="module")
def tiny(endless_model: Path) -> Loaded:
    return load(endless_model)


def ids(loaded: Loaded, text: str) -> list[int]:
    return list(loaded.tokenizer.encode(text, add_special_tokens=False))


def prompts(loaded: Loaded) -> list[list[int]]:
    persona = "You are the engineer of the world. Rewrite the passage below in the author's voice."
    return [ids(loaded, persona + rest) for rest in (" The tower fell.", " In 1847 it rained.", "")] + [
        ids(loaded, "I")
    ]


def stock_greedy(loaded: Loaded, prompt: list[int], tokens: int) -> list[int]:
    def generate() -> list[int]:
        from mlx_lm import stream_generate

        return [one.token for one in stream_generate(loaded.model, loaded.tokenizer, prompt, max_tokens=tokens)]

    return mlx_thread.run(generate)


def test_greedy_equals_mlx_lm(tiny: Loaded) -> None:
    for prompt in prompts(tiny):
        (alone,) = decode(tiny.model, tiny.tokenizer, [prompt], max_tokens=24, sampling=GREEDY, seed=0, stop=())
        assert list(alone.tokens) == stock_greedy(tiny, prompt, 24)
        assert alone.finish == "length"


def test_a_batch_gives_each_prompt_what_it_gets_alone(tiny: Loaded) -> None:
    asked = prompts(tiny) * 3
    limits = [5 + 3 * (index % 7) for index in range(len(asked))]
    together = decode(tiny.model, tiny.tokenizer, asked, max_tokens=limits, sampling=GREEDY, seed=0, stop=())
    for prompt, limit, one in zip(asked, limits, together, strict=True):
        assert decode(tiny.model, tiny.tokenizer, [prompt], max_tokens=limit, sampling=GREEDY, seed=0, stop=()) == [one]
        assert len(one.tokens) == limit


def test_more_prompts_than_fit_at_once_are_all_answered(tiny: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = prompts(tiny) * 3
    wide = decode(tiny.model, tiny.tokenizer, asked, max_tokens=6, sampling=DRAWN, seed=5)
    monkeypatch.setattr(decoding, "_width", lambda: 3)
    assert decode(tiny.model, tiny.tokenizer, asked, max_tokens=6, sampling=DRAWN, seed=5) == wide


def test_what_may_grow_longest_is_begun_first(tiny: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_width", lambda: 2)
    begun: list[int] = []

    def heard(index: int, _: str) -> None:
        begun.extend([index] if index not in begun else [])

    decode(
        tiny.model, tiny.tokenizer, prompts(tiny), max_tokens=[4, 40, 12, 30], sampling=DRAWN, seed=1, on_tokens=heard
    )
    assert begun == [1, 3, 2, 0]


def test_variations_of_one_prompt_share_one_prefill_and_differ(tiny: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[int] = []
    forward = type(tiny.model).__call__

    def counting(self: object, inputs: object, **rest: object) -> object:
        computed.append(inputs.size)  # type: ignore[attr-defined]
        return forward(self, inputs, **rest)

    monkeypatch.setattr(type(tiny.model), "__call__", counting)
    persona, other = prompts(tiny)[0], prompts(tiny)[1]
    made = decode(tiny.model, tiny.tokenizer, [persona, other] + [persona] * 4, max_tokens=1, sampling=DRAWN, seed=1)
    shared = next(at for at, (a, b) in enumerate(zip(persona, other, strict=False)) if a != b)
    assert sum(computed) == len(persona) - 1 + len(other) - 1 - shared + 6
    monkeypatch.undo()
    made = decode(tiny.model, tiny.tokenizer, [persona] * 5, max_tokens=12, sampling=DRAWN, seed=1)
    assert len({one.text for one in made}) == 5


def test_a_seed_gives_the_same_texts_again_and_another_seed_others(tiny: Loaded) -> None:
    def texts(seed: int) -> list[Decoded]:
        return decode(tiny.model, tiny.tokenizer, prompts(tiny), max_tokens=16, sampling=DRAWN, seed=seed)

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)


def test_training_is_not_disturbed(tiny: Loaded) -> None:
    def key() -> list[int]:
        import mlx.core as mx

        return mx.random.state[0].tolist()

    mlx_thread.run(tiny.model.train)
    before = mlx_thread.run(key)
    decode(tiny.model, tiny.tokenizer, prompts(tiny), max_tokens=4, sampling=DRAWN, seed=1)
    assert mlx_thread.run(key) == before
    assert tiny.model.training
    mlx_thread.run(tiny.model.eval)


def test_what_is_streamed_is_what_is_returned(tiny: Loaded) -> None:
    shown = [""] * 4

    def collect(index: int, text: str) -> None:
        assert text
        shown[index] += text

    made = decode(tiny.model, tiny.tokenizer, prompts(tiny), max_tokens=40, sampling=DRAWN, seed=3, on_tokens=collect)
    assert shown == [one.text for one in made]


def test_an_end_token_ends_a_text(tiny: Loaded) -> None:
    prompt = prompts(tiny)[0]
    free = decode(tiny.model, tiny.tokenizer, [prompt], max_tokens=8, sampling=DRAWN, seed=3)[0]

    class Ending:
        eos_token_ids = {free.tokens[4]}  # noqa: RUF012
        decode = staticmethod(tiny.tokenizer.decode)

    ended = decode(tiny.model, Ending(), [prompt], max_tokens=8, sampling=DRAWN, seed=3)[0]
    assert ended.finish == "stop"
    assert ended.tokens == free.tokens[: free.tokens.index(free.tokens[4])]


def test_cancelling_returns_what_there_is(tiny: Loaded) -> None:
    def stop(index: int, text: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 10:
            raise Cancelled

    calls = 0
    made = decode(
        tiny.model, tiny.tokenizer, prompts(tiny), max_tokens=[2, 50, 50, 50], sampling=DRAWN, seed=3, on_tokens=stop
    )
    assert [one.finish for one in made].count("cancelled") >= 3
    assert any(one.text for one in made)


def test_it_can_be_asked_in_the_middle_of_long_work(tiny: Loaded) -> None:
    started, asked = threading.Event(), threading.Event()

    def long() -> int:
        started.set()
        asked.wait(10)
        return mlx_thread.serve_waiting()

    running = mlx_thread.submit(long)
    started.wait(10)
    answer = mlx_thread.submit(
        decode, tiny.model, tiny.tokenizer, [[5, 6]], max_tokens=3, sampling=GREEDY, seed=0, between_steps=True
    )
    asked.set()
    assert running.result(10) == 1
    assert len(answer.result(10)[0].tokens) == 3


def test_a_text_is_not_ended_before_its_words_and_ends_at_a_sentence_after_them(tiny: Loaded) -> None:
    prompt = prompts(tiny)[0]
    free = decode(tiny.model, tiny.tokenizer, [prompt], max_tokens=60, sampling=DRAWN, seed=3, stop=())[0]

    class Ending:
        eos_token_ids = {free.tokens[1]}  # noqa: RUF012
        decode = staticmethod(tiny.tokenizer.decode)
        encode = staticmethod(tiny.tokenizer.encode)

    told = {"max_tokens": 400, "sampling": DRAWN, "seed": 3}
    short = decode(tiny.model, Ending(), [prompt], **told)[0]  # type: ignore[arg-type]
    long = decode(tiny.model, Ending(), [prompt], lengths=[Length(12, 14)], **told)[0]  # type: ignore[arg-type]
    assert len(short.text.split()) < 12 <= len(long.text.split())

    class Dot:
        """A tokenizer for which every token is the same sentence."""

        eos_token_ids = frozenset({-1})
        decode = staticmethod(lambda tokens, **_: "They fell. " * len(tokens))
        encode = staticmethod(lambda text, **_: [1])

    made = decode(tiny.model, Dot(), [prompt], lengths=[Length(4, 7)], **told)[0]  # type: ignore[arg-type]
    assert (made.text.split(), made.finish) == (["They", "fell."] * 4, "stop")


def test_a_kept_beginning_is_not_computed_again_and_changes_nothing(tiny: Loaded) -> None:
    first, second = prompts(tiny)[:2]
    shared = agreement(first, second)
    alone = decode(tiny.model, tiny.tokenizer, [second], max_tokens=8, sampling=GREEDY, seed=0)
    prefixes = Prefixes(most=1)
    told = {"max_tokens": 8, "sampling": GREEDY, "seed": 0, "prefixes": prefixes}
    decode(tiny.model, tiny.tokenizer, [first], keep=[shared], **told)  # type: ignore[arg-type]
    for _ in range(2):
        assert mlx_thread.run(prefixes.longest, second)[0] == shared
        assert decode(tiny.model, tiny.tokenizer, [second], **told) == alone  # type: ignore[arg-type]
    decode(tiny.model, tiny.tokenizer, [[5, 6, 7, 8]], keep=[2], **told)  # type: ignore[arg-type]
    assert mlx_thread.run(prefixes.longest, second) == (0, None)  # only the latest is kept
    assert mlx_thread.run(prefixes.longest, [5, 6, 9])[0] == 2
    prefixes.clear()
    assert mlx_thread.run(prefixes.longest, [5, 6, 9]) == (0, None)


def test_nothing_to_decode(tiny: Loaded) -> None:
    assert decode(tiny.model, tiny.tokenizer, [], max_tokens=5, sampling=GREEDY, seed=0) == []
    none = decode(tiny.model, tiny.tokenizer, [[5]], max_tokens=0, sampling=GREEDY, seed=0)
    assert none == [Decoded("", (), "length")]
    with pytest.raises(StyloraError, match="no tokens"):
        decode(tiny.model, tiny.tokenizer, [[]], max_tokens=5, sampling=GREEDY, seed=0)


class Bytes:
    """A tokenizer whose tokens are bytes."""

    def decode(self, tokens: list[int], **_: object) -> str:
        return bytes(tokens).decode(errors="replace")


def grown(text: str, stop: tuple[str, ...] = ("###",)) -> tuple[list[str], str, bool]:
    growing = GrowingText(Bytes(), stop)
    shown = []
    for token in text.encode():
        shown.append(growing.add(token))
        if growing.stopped:
            break
    shown.append(growing.end())
    assert "".join(shown) == growing.finished()
    return shown, growing.finished(), growing.stopped


def test_half_a_character_is_never_shown() -> None:
    shown, text, _ = grown("“é🙂”東")
    assert text == "“é🙂”東"
    assert [part for part in shown if part] == list(text)
    growing = GrowingText(Bytes(), ())
    assert [growing.add(token) for token in "🙂".encode()[:3]] == ["", "", ""]
    assert growing.finished() == ""  # cut off in mid-character


def test_a_stop_string_is_never_shown_not_even_its_beginning() -> None:
    shown, text, stopped = grown("It fell.\n###\nIt rose.")
    assert (text, stopped) == ("It fell.\n", True)
    assert "#" not in "".join(shown)


def test_what_only_looks_like_a_stop_string_is_shown_late_but_whole() -> None:
    assert grown("a # b ## c")[1:] == ("a # b ## c", False)
    assert grown("ends in ##")[1:] == ("ends in ##", False)
    assert grown("abcabd abcabcabd!", ("abcabd!",))[1:] == ("abcabd abc", True)


def test_the_first_of_several_stop_strings_counts() -> None:
    assert grown("one END two ###", ("###", "END"))[1] == "one "


@pytest.mark.parametrize("top_p", [0.1, 0.5, 0.9, 0.99])
def test_top_p_keeps_the_smallest_likely_set(top_p: float) -> None:
    scores = (np.random.default_rng(1).standard_normal(5000) * 3).astype(np.float32)
    p = np.exp(scores - scores.max(), dtype=np.float64)
    p /= p.sum()
    order = np.argsort(-p)
    nucleus = order[: int(np.searchsorted(np.cumsum(p[order]), top_p)) + 1]
    draw = random.Random(2)
    sampling = Sampling(temperature=3.0, top_p=top_p, min_p=0, repetition_penalty=1)
    drawn = [choose(scores, [], sampling, draw) for _ in range(2000)]
    assert set(drawn) <= set(nucleus.tolist())
    assert len(set(drawn)) > min(len(nucleus), 1000) * 0.5


def test_min_p_is_relative_to_the_likeliest() -> None:
    scores = np.log(np.array([0.5, 0.3, 0.12, 0.05, 0.03], dtype=np.float32))
    draw = random.Random(2)
    sampling = Sampling(temperature=2.0, min_p=0.2, repetition_penalty=1)
    assert {choose(scores, [], sampling, draw) for _ in range(500)} == {0, 1, 2}


def test_temperature_follows_the_softmax() -> None:
    scores = np.array([0.0, 1.0, 2.0], dtype=np.float32)
    draw = random.Random(7)
    sampling = Sampling(temperature=0.5, min_p=0, repetition_penalty=1)
    counts = np.bincount([choose(scores, [], sampling, draw) for _ in range(20_000)], minlength=3) / 20_000
    expected = np.exp(scores / 0.5) / np.exp(scores / 0.5).sum()
    assert counts == pytest.approx(expected, abs=0.015)


def test_repetition_is_penalised_within_the_window_only() -> None:
    scores = np.array([2.0, 1.9, -1.0], dtype=np.float32)
    sampling = Sampling(temperature=0, min_p=0, repetition_penalty=1.1, repetition_window=2)
    draw = random.Random(0)
    assert choose(scores, [], sampling, draw) == 0
    assert choose(scores, [0], sampling, draw) == 1
    assert choose(scores, [0, 2, 2], sampling, draw) == 0
    assert scores.tolist() == pytest.approx([2.0, 1.9, -1.0])


def test_outputs_that_are_not_numbers_are_recognised() -> None:
    with pytest.raises(StyloraError, match="not numbers"):
        choose(np.array([0.0, np.nan], dtype=np.float32), [], GREEDY, random.Random(0))


def test_settings_and_sampling_mean_the_same_by_default() -> None:
    assert Sampling.of(RewriteSettings()) == Sampling()
    assert Sampling.of(RewriteSettings(temperature=1.5, hold=0.25)) == Sampling(temperature=1.5, hold=0.25)

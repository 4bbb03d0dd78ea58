"""Which rows are trained on, in which order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from training_rows import write_rows

from engine.errors import StyloraError
from engine.models import mlx_thread
from engine.models.loading import load
from engine.training.batches import Example, Order, collate, in_order, load_examples, read_rows

LENGTHS = [(37 * index) % 101 + 5 for index in range(50)]


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    return mlx_thread.run(lambda: load(tiny_model).tokenizer)


def test_every_epoch_has_every_row_once_in_an_order_of_its_own() -> None:
    order = Order(LENGTHS, 1, seed=7)
    epochs = [[order[number][0] for number in range(50 * epoch, 50 * epoch + 50)] for epoch in range(3)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_micro_batch_is_the_same_whoever_asks_and_when() -> None:
    first, later = Order(LENGTHS, 4, seed=7), Order(LENGTHS, 4, seed=7)
    assert later[31] == first[31]
    assert [later[number] for number in range(40)] == [first[number] for number in range(40)]
    assert Order(LENGTHS, 4, seed=8)[31] != first[31]


def test_batches_of_several_rows_have_little_padding() -> None:
    lengths = [(37 * index) % 401 + 5 for index in range(400)]
    order = Order(lengths, 4, seed=1)
    fed = sum(4 * max(lengths[row] for row in order[number]) for number in range(order.per_epoch))
    assert fed < 1.05 * sum(lengths)
    assert sorted(row for number in range(order.per_epoch) for row in order[number]) == list(range(400))


def test_row_longer_than_the_limit_is_left_out_and_counted(tmp_path: Path, tokenizer: Any) -> None:
    data = write_rows(tmp_path, train=20)
    everything = load_examples(data / "train.jsonl", tokenizer, max_seq_length=2048)
    limit = sorted(len(item.ids) for item in everything.items)[9]
    some = load_examples(data / "train.jsonl", tokenizer, max_seq_length=limit)
    assert everything.too_long == 0
    assert some.too_long == 20 - len(some.items)
    assert max(len(item.ids) for item in some.items) == limit
    with pytest.raises(StyloraError, match="each of its 20 rows is longer than 3 tokens"):
        load_examples(data / "train.jsonl", tokenizer, max_seq_length=3)


def test_limit_draws_the_same_rows_every_time(tmp_path: Path, tokenizer: Any) -> None:
    data = write_rows(tmp_path, train=20)
    few = [load_examples(data / "train.jsonl", tokenizer, max_seq_length=99, limit=5, seed=3) for _ in range(2)]
    assert few[0] == few[1]
    assert len(few[0].items) == 5


def test_styled_side_and_end_of_text_are_the_trained_tokens(tmp_path: Path, tokenizer: Any) -> None:
    row = {"text": "the prompt\n###\nthe styled side", "loss_start": 15}
    (tmp_path / "train.jsonl").write_text(json.dumps(row))
    example = load_examples(tmp_path / "train.jsonl", tokenizer, max_seq_length=99).items[0]
    trained = example.ids[example.loss_start :]
    assert trained[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(list(trained[:-1])) == "the styled side"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "all prompt", "loss_start": 10}', r"train.jsonl:2: no styled side after character 10"),
        ('{"text": "prompt   ", "loss_start": 6}', "no styled side"),
        ('{"text": "x"}', r"train.jsonl:2: not a training row"),
        ("nonsense", r"train.jsonl:2: not a training row"),
    ],
)
def test_bad_row_is_named_by_its_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"text": "good row", "loss_start": 5}\n' + line + "\n")
    with pytest.raises(StyloraError, match=message):
        read_rows(path)


def test_missing_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StyloraError, match="No such file"):
        read_rows(tmp_path / "train.jsonl")
    (tmp_path / "train.jsonl").write_text("\n")
    with pytest.raises(StyloraError, match="no rows"):
        read_rows(tmp_path / "train.jsonl")


def test_padding_is_neither_fed_as_a_position_nor_a_target() -> None:
    batch = collate([Example((1, 2, 3, 4, 5), 3), Example((6, 7), 1)])
    assert batch.ids.tolist() == [[1, 2, 3, 4], [6, 0, 0, 0]]
    assert batch.positions.tolist() == [2, 3, 4]
    assert batch.targets.tolist() == [4, 5, 7]


def test_validation_order_does_not_depend_on_the_files_order() -> None:
    examples = [Example((1, 2, 3), 1), Example((9, 9), 1), Example((4, 5, 6, 7), 2)]
    shapes = [[batch.ids.tolist() for batch in in_order(part, 2)] for part in (examples, examples[::-1])]
    assert shapes[0] == shapes[1]

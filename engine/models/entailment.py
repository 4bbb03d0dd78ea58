"""Whether one text contradicts another, by a local model of natural-language inference. Unset, nothing is ever loaded.

Written for the hub's usual judges: BERT, RoBERTa, XLM-RoBERTa and DeBERTa v2 and v3, fine-tuned on MNLI and the like.
The networks agree with PyTorch on small weights made by a formula; none of the real models was tried with Stylora.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import StyloraError
from engine.models import entailment_folder, folder, mlx_thread
from engine.workspace import Workspace

if TYPE_CHECKING:
    import mlx.core as mx
    from tokenizers import Encoding

Pair = tuple[str, str]
"""Premise, which is taken for true, and hypothesis."""

_TOKENS = 4096
"""Tokens of a batch, padding included."""
_TEXTS = 32

_open: weakref.WeakValueDictionary[tuple[Path, str], Entailment] = weakref.WeakValueDictionary()
"""Models in use: several adapters beside each other share one."""


class Entailment:
    """A model that judges pairs of texts. The folder is checked at once, the weights are loaded at the first question.

    May be asked from any thread: it works on the MLX thread, there between the steps of a training too, and draws
    nothing from the random state.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = entailment_folder.check(path)
        self._tokenizer = entailment_folder.tokenizer(path, self.config)
        self.identity = folder.identity(path)
        """What a calibration remembers it by: `engine.models.folder.identity`."""
        self._weights: dict[str, mx.array] | None = None

    def contradictions(self, pairs: Sequence[Pair]) -> list[float]:
        """For each pair the probability, to four decimals, that the hypothesis is false where the premise is true.

        Pairs of like length go together; what does not fit is cut from the longer text's end.
        """
        each = list(dict.fromkeys(pairs))
        read = [self._tokenizer.encode(premise, hypothesis) for premise, hypothesis in each]
        order = sorted(range(len(each)), key=lambda place: (len(read[place].ids), place))
        found: dict[Pair, float] = {}
        for batch in batches(order, [len(one.ids) for one in read]):
            # A call for each batch, so that a training waits for one of them and not for all.
            shares = mlx_thread.run(self._judge, [read[place] for place in batch], between_steps=True)
            found |= {each[place]: share for place, share in zip(batch, shares, strict=True)}
        return [found[pair] for pair in pairs]

    def _judge(self, read: Sequence[Encoding]) -> list[float]:
        import mlx.core as mx

        shares: Any = mx.softmax(self._scores(read), axis=-1)[:, self.config.contradiction].tolist()
        return [round(share, 4) for share in shares]

    def _scores(self, read: Sequence[Encoding]) -> mx.array:
        """What the network says of a batch, shape (pairs, labels)."""
        import mlx.core as mx

        from engine.models.encoder import logits

        if self._weights is None:
            self._weights = _load(self.path, self.config)
        most = max(len(one.ids) for one in read)
        rows: list[tuple[list[int], list[int], list[int]]] = []
        for one in read:
            rest = most - len(one.ids)
            rows.append(
                (
                    one.ids + [self.config.pad_token_id] * rest,
                    one.type_ids + [0] * rest,
                    [1] * len(one.ids) + [0] * rest,
                )
            )
        ids, types, mask = (mx.array([row[part] for row in rows]) for part in range(3))
        return logits(self._weights, self.config, ids, types, mask)


def open_entailment(workspace: Workspace) -> Entailment | None:
    """The model that ``[verify] nli`` names, None where nothing is set. `StyloraError` for one that cannot judge."""
    path = entailment_folder.nli_folder(workspace)
    if path is None:
        return None
    made = Entailment(path)
    return _open.setdefault((path, made.identity), made)


def batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """`order` in parts of at most `_TEXTS` texts that have at most `_TOKENS` tokens when padded, as `lengths` says."""
    batch: list[int] = []
    for place in order:
        if batch and (len(batch) == _TEXTS or (len(batch) + 1) * lengths[place] > _TOKENS):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _load(path: Path, config: entailment_folder.Config) -> dict[str, mx.array]:
    """The weights that the model computes with, in fp32: it is small, and its verdict is to be the same everywhere."""
    import mlx.core as mx

    wanted = entailment_folder.shapes(config)
    found: dict[str, Any] = {}
    try:
        for file in entailment_folder.weight_files(path):
            read: Any = mx.load(str(file))
            for name, value in read.items():
                if (name := entailment_folder.called(name)) in wanted:
                    found[name] = value.astype(mx.float32)
        mx.eval(found)
    except (OSError, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise StyloraError(f"{path}: this NLI model cannot be loaded: {said}") from error
    if lacking := next((name for name in wanted if name not in found), ""):
        raise StyloraError(f"{path}: its weights lack {lacking}, which they had a moment ago; start again")
    return found

"""A tiny random model and tokenizer, written as a folder that Stylora, mlx-lm and transformers can read."""

from __future__ import annotations

import json
from pathlib import Path

from engine.models import mlx_thread

TINY_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TINY_LINES = (
    "The gears of the world turn without regard for those who stand between them.",
    "I saw the tower at dusk, and I found in its angles no place where a man might rest.",
    "Rewrite the passage below in the author's voice. Write approximately 80 words.",
    "She said: “Nothing that is built stays built; it is only slow in falling.”",
    "In 1847, on the 3rd of May, 12 ships left the harbour and 11 returned.\n###\n",
)


def write_tiny_tokenizer(folder: Path) -> int:
    """A byte-level BPE tokenizer trained on a few lines, in Hugging Face files; returns the vocabulary's size."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TINY_LINES * 3, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1024,
        "chat_template": TINY_CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return int(tokenizer.get_vocab_size())


def write_tiny_model(folder: Path, *, seed: int = 0, dtype: str = "float32", endless: bool = False) -> Path:
    """A random 2-layer Llama (64 wide, 4 heads, about 100k parameters) that mlx-lm and transformers can read.

    Its texts end by themselves after some sixty tokens, or nearly never if it is to be `endless`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = write_tiny_tokenizer(folder)
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
        "vocab_size": vocabulary,
        "eos_token_id": 0,
        "bos_token_id": 0,
        "hidden_act": "silu",
        "torch_dtype": dtype,
    }
    (folder / "config.json").write_text(json.dumps(config))

    def save() -> None:
        import mlx.core as mx
        from mlx.utils import tree_flatten
        from mlx_lm.models import llama

        model = llama.Model(llama.ModelArgs.from_dict(config))
        weights = {}
        for index, (name, value) in enumerate(sorted(tree_flatten(model.parameters()))):
            drawn = mx.random.normal(value.shape, key=mx.random.key(1000 * seed + index)) * 0.1
            if name == "model.embed_tokens.weight" and not endless:
                # Every token has a part in one direction, so that the one that ends a text is always about as likely.
                drawn[:, 0] = 0.3
                drawn[0, 0] = 1.9
            weights[name] = (mx.ones(value.shape) if "norm" in name else drawn).astype(getattr(mx, dtype))
        mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})

    mlx_thread.run(save)
    return folder

"""A small DNABERT-2 with random weights, in a folder as the published one is."""

import json
from pathlib import Path
from random import Random

import torch
from safetensors.torch import save_file

from model.encoders.dna_tokenizer import train_tokenizer
from model.encoders.dnabert import DnaBert, DnaBertConfig

TINY = DnaBertConfig(vocab=40, hidden=12, layers=2, heads=3, intermediate=10)
CONFIG = {
    "architectures": ["BertForMaskedLM"],
    "hidden_act": "gelu",
    "hidden_size": 12,
    "intermediate_size": 10,
    "layer_norm_eps": 1e-12,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "vocab_size": 40,
}


def bases(count: int, seed: int) -> str:
    """Random bases."""
    return "".join(Random(seed).choices("ACGT", k=count))


def write_dnabert(folder: Path, seed: int) -> DnaBert:
    """Write the folder; the model whose weights it holds. Weights are larger than BERT's start, so that they show."""
    folder.mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = DnaBert(TINY).eval().requires_grad_(False)
        for tensor in model.parameters():
            tensor += 0.3 * torch.randn_like(tensor)
    save_file(model.state_dict() | {"cls.predictions.decoder.bias": torch.zeros(40)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    train_tokenizer((bases(300, number) for number in range(20)), 40).save(str(folder / "tokenizer.json"))
    return model

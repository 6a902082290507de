"""A `transformers` model from a local folder: safetensors, every tensor of it, no code of the folder, no network."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

_UNUSED = ("pooler.",)
"""Parts whose weights a folder may lack: what is read here is the hidden states before them."""


def load_model(folder: Path) -> Any:
    """Read the folder's encoder in float32, frozen; raises ValueError with a remedy.

    `transformers` is imported here and not above: it takes three seconds, and few workers need it.
    It would give tensors that the folder lacks random numbers, and say so in a warning; here they are refused.
    """
    transformers: Any = import_module("transformers")
    transformers.utils.logging.disable_progress_bar()
    try:
        model, report = transformers.AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{folder} cannot be read ({reason}); name a folder with config.json, *.safetensors") from None
    wrong = [str(name) for name in report["missing_keys"] if not str(name).startswith(_UNUSED)]
    wrong += [str(name) for name in report["mismatched_keys"]]
    if wrong:
        raise ValueError(f"{folder} lacks {len(wrong)} tensors of its model, {min(wrong)} first; copy it again")
    return model.eval().requires_grad_(False)


def load_fast_tokenizer(folder: Path) -> Any:
    """Read the folder's `tokenizer.json`; raises ValueError with a remedy."""
    transformers: Any = import_module("transformers")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{folder} has no tokenizer that can be read ({reason}); copy it again") from None
    if not tokenizer.is_fast:
        raise ValueError(f"{folder} has no tokenizer.json; save its fast tokenizer there")
    return tokenizer

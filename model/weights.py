"""A network's folder: weights, tokenizer, manifest. Never pickled; read only where the hashes agree."""

import hashlib
from collections.abc import Collection
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor, nn

from model.encoders.arrived import NOTES, encoder_ids
from model.network import Network, network_of
from schemas.manifest import Manifest

WEIGHTS, TOKENIZER, MANIFEST = "weights.safetensors", "tokenizer.json", "manifest.json"


def save_network(folder: Path, network: Network, manifest: Manifest, trained: Collection[str]) -> Manifest:
    """Write the network; returns the manifest with the hashes of its weights and of its `trained` encoders."""
    content = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    sealed = manifest.model_copy(
        update={
            "weights_sha256": hashlib.sha256(content).hexdigest(),
            "encoders": foreign_encoders(manifest)
            | {name: digest for name, digest in encoder_hashes(network, manifest).items() if name in trained},
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / WEIGHTS, content)
    _replace(folder / TOKENIZER, network.arrival_genomic.tokenizer_json.encode())
    _replace(folder / MANIFEST, sealed.model_dump_json(indent=2).encode() + b"\n")
    return sealed


def load_network(folder: Path) -> tuple[Network, Manifest]:
    """Read a network in evaluation mode; raises ValueError with a remedy where anything disagrees."""
    manifest = Manifest.read(folder)
    content = _read(folder / WEIGHTS)
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.weights_sha256:
        wanted = manifest.weights_sha256[:12]
        raise ValueError(f"{folder / WEIGHTS} is {found[:12]}, its manifest wants {wanted}; copy the folder again")
    network = network_of(manifest, seed=0)
    try:
        network.load_state_dict(load(content), strict=True)
    except RuntimeError:
        raise ValueError(f"{folder / WEIGHTS} has other tensors than its manifest describes; train again") from None
    network.arrival_genomic.tokenizer_json = _read(folder / TOKENIZER).decode()
    hashes = encoder_hashes(network, manifest)
    own = manifest.encoders.items() - foreign_encoders(manifest).items()
    changed = sorted(name for name, digest in own if hashes.get(name) != digest)
    if changed:
        raise ValueError(f"{folder / MANIFEST} names other encoders than the weights hold ({changed}); train again")
    return network.eval().requires_grad_(False), manifest


def encoder_hashes(network: Network, manifest: Manifest) -> dict[str, str]:
    """SHA-256 of all that each arrival-time encoder depends on, by its id."""
    imaging, genomic = network.arrival_imaging, network.arrival_genomic
    parts: dict[str, tuple[nn.Module, ...]] = {
        "imaging/cnn": (imaging.tiles, imaging.pool),
        "genomic/sequence": (genomic.sequences, genomic.pool),
        "genomic/genes": (genomic.genes,),
    }
    for place, name in enumerate(sorted(manifest.feature_spaces)):
        parts[f"imaging/bag:{name}"] = (imaging.space(place), imaging.pool)
    more = {
        "imaging/cnn": manifest.backbone_sha256,
        "genomic/sequence": manifest.dna_sha256 + genomic.tokenizer_json,
        "genomic/genes": "\n".join((*manifest.genes, *map("\t".join, manifest.pathways))),
    }
    return {name: _hash_of(parts[name], more.get(name, "")) for name in encoder_ids(manifest.feature_spaces)}


def foreign_encoders(manifest: Manifest) -> dict[str, str]:
    """The encoders that the network was trained behind and that are no part of it: their weights are elsewhere."""
    return {name: digest for name, digest in manifest.encoders.items() if name == NOTES}


def _hash_of(modules: tuple[nn.Module, ...], more: str) -> str:
    digest = hashlib.sha256(more.encode())
    for place, module in enumerate(modules):
        for name, tensor in sorted(module.state_dict().items()):
            digest.update(f"{place}.{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(_bytes_of(tensor))
    return digest.hexdigest()


def _bytes_of(tensor: Tensor) -> bytes:
    return tensor.detach().contiguous().numpy().tobytes()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"no network in {path.parent}: wanted {path.name}; point ONCOSTREAM_MODEL at a run") from None


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_suffix(path.suffix + ".part")
    draft.write_bytes(content)
    draft.replace(path)

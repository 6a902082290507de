"""A network's manifest: everything about it that others rely on, beside its safetensors (DESIGN §7)."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from schemas.bounds import Count
from schemas.canonical import content_hash
from schemas.evidence import Modality
from schemas.record import Record
from schemas.table import Table

SMALL_CNN, SMALL_DNA = "small-cnn", "small-dnabert"
FusionKind = Literal["circuit", "fourier", "mlp", "none"]


class Tasks(Record):
    """What the network predicts."""

    diagnosis: tuple[str, ...]
    treatments: tuple[str, ...]
    endpoints: tuple[str, ...]
    edges_days: tuple[float, ...]
    """Right edges of the survival bins, shared by all endpoints."""


class Sizes(Record):
    """Shapes that are fixed for a network: batches are always padded to them (DESIGN §8)."""

    width: Annotated[int, Field(ge=8, multiple_of=2)] = 128
    heads: Count = 8
    batch: Count = 8
    """Rows that a request waits for at most; 32 gave 1.2 times the rows a second at 3 times the wait (measured)."""
    clinical_tokens: Count = 64
    """The newest so many observation tokens enter."""
    variant_tokens: Count = 64
    tile_pixels: Annotated[int, Field(ge=8)] = 64
    tile_batch: Count = 16
    sequence_tokens: Annotated[int, Field(ge=3)] = 128
    sequence_batch: Count = 8
    qubits: Annotated[int, Field(ge=2, le=12)] = 8
    """A circuit of n is held as matrices of 2^n rows."""
    circuit_layers: Count = 3
    draws: Count = 8
    """Imputation draws."""
    ensemble: Count = 4
    """Heads in the ensemble."""

    @model_validator(mode="after")
    def _each_head_has_its_part(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of {self.heads} heads")
        return self


class Manifest(Record):
    """One trained network."""

    name: str
    intended_use: str
    source: str
    """The cohort it was trained on, with its terms."""
    weights_sha256: str
    """Of `weights.safetensors`."""
    encoders: dict[str, str]
    """Arrival-time encoder id -> SHA-256: `imaging/cnn`, `imaging/bag:<space>`, `genomic/sequence`, `genomic/genes`,
    and `clinical/notes`, whose weights are no part of this network's."""
    modalities: tuple[Modality, ...]
    """The modalities it was trained with; any other counts as absent."""
    feature_spaces: dict[str, int] = {}
    """Bag feature space -> its width."""
    backbone: str = SMALL_CNN
    """What tiles go through first: the network's own CNN, or `transformers:NAME`, `torchvision:NAME`, `timm:NAME`."""
    backbone_width: int = 0
    """Features of a tile behind the backbone; 0 for the network's own CNN."""
    backbone_sha256: str = ""
    """Of the backbone's weights, which are no part of this network's."""
    dna: str = SMALL_DNA
    """What sequences go through first: the network's own encoder, or `dnabert2:NAME`."""
    dna_width: int = 0
    """Features of a row of tokens behind that encoder; 0 for the network's own."""
    dna_sha256: str = ""
    """Of that encoder's weights and tokenizer, which are no part of this network's."""
    genes: tuple[str, ...] = ()
    """`kind:gene` of the gene values it reads, in order."""
    table: Table = Table()
    """What the linear road reads."""
    pathways: tuple[tuple[str, str], ...] = ()
    """Interactions among those genes that its gene encoder reads, each once (from a table, at training)."""
    tasks: Tasks
    sizes: Sizes = Sizes()
    fusion: FusionKind = "circuit"
    alpha: float = 0.1
    """Miss rate of the conformal sets."""
    temperature: float = 1.0
    """Of the diagnosis, where a pattern has none of its own."""
    temperatures: dict[str, float] = {}
    """Availability pattern -> its temperature."""
    conformal: dict[str, float] = {}
    """Availability pattern (`clinical+imaging`) -> conformal quantile of 1 - p(true label)."""
    torch: str = ""
    """Version of torch that trained it."""

    @property
    def sha256(self) -> str:
        """Of all that stands here, the weights' own hash among it; fields at their defaults do not count.

        A network of the same weights that reads other columns, or is calibrated otherwise, says other things.
        """
        return content_hash(self.model_dump(mode="json", exclude_defaults=True))

    @property
    def model(self) -> str:
        """Model id: name and the first digits of the hash of all that stands here."""
        return f"{self.name}@{self.sha256[:12]}"

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `manifest.json` of a network's folder; raises ValueError with a remedy."""
        path = folder / "manifest.json"
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise ValueError(f"no network in {folder}: wanted {path.name}; point ONCOSTREAM_MODEL at a run") from None
        except ValidationError as error:
            fields = ", ".join(".".join(map(str, part["loc"])) for part in error.errors())
            raise ValueError(f"{path} is not a manifest this version reads (see: {fields}); train again") from None

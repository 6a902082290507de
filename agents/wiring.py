"""Make the parts of a worker from its settings: the network, Redis, the policy, and an app a role."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from agents import assembly, clinical, fhir, genomic, imaging, inference
from agents.allowed import file_rules
from agents.answering import Answering
from agents.frozen import imaging_encoder, molecular_encoder, note_encoder
from agents.prediction import open_predictor
from model.serving import Predictor
from schemas.manifest import Manifest
from schemas.picture import Window
from streams.app import BatchApp, role_app
from streams.blobs import Blobs
from streams.dead_letters import DeadLetters
from streams.parts import Parts
from streams.policy import Policy
from streams.pulse import Pulse
from streams.settings import Settings, WrongSettings
from streams.step import Step
from streams.topics import Topics, inputs_of, named

SHIPPED = Path(__file__).parents[1] / "model"
"""Networks that ship live in `model/<name>/`."""

HEAVY = ("imaging", "genomic")
ROLES = tuple(inputs_of(Topics()))


@dataclass(frozen=True)
class Role:
    """One role of this worker: its Faust application and its step."""

    name: str
    app: BatchApp
    step: Step


def model_folder(settings: Settings) -> Path:
    """The folder of the configured network: a path, or the name of one that ships."""
    shipped = SHIPPED / settings.places.model
    return shipped if "/" not in settings.places.model and shipped.is_dir() else Path(settings.places.model)


def read_manifest(settings: Settings) -> Manifest:
    """The configured network's manifest; raises `WrongSettings` with the remedy."""
    try:
        return Manifest.read(model_folder(settings))
    except ValueError as error:
        raise WrongSettings(f"ONCOSTREAM_MODEL: {error}") from None


def make_parts(settings: Settings) -> Parts:
    """The parts that all roles share."""
    manifest = read_manifest(settings)
    trigger = settings.trigger
    policy = Policy(
        model=manifest.model,
        window=Window(trigger.shelf_life, trigger.newest, manifest.encoders),
        min_modalities=trigger.min_modalities,
        required=frozenset(trigger.required),
        deadline=trigger.deadline,
        settle=trigger.settle,
        min_interval=trigger.min_interval,
        cap=trigger.cap,
    )
    topics = named(settings.kafka.prefix)
    return Parts(
        settings=settings,
        topics=topics,
        policy=policy,
        manifest=manifest,
        redis=Redis.from_url(settings.places.redis, retry=Retry(NoBackoff(), 0), socket_timeout=10),
        dead_letters=DeadLetters(topics.dead_letters, version("oncostream")),
        pulse=Pulse(settings.kafka.session_timeout),
    )


def make_roles(parts: Parts, names: Sequence[str]) -> list[Role]:
    """The wanted roles, each with its own application and consumer group."""
    makers = _makers(parts, names)
    roles = []
    for name in names:
        app = role_app(name, parts.settings, heavy=name in HEAVY)
        roles.append(Role(name, app, makers[name](app)))
    return roles


def _makers(parts: Parts, names: Sequence[str]) -> Mapping[str, Callable[[BatchApp], Step]]:
    settings = parts.settings
    light: dict[str, Callable[[BatchApp], Step]] = {
        "clinical": lambda app: clinical.register(app, parts, note_encoder(parts.manifest, settings)),
        "assembly": lambda app: assembly.register(app, parts),
        "fhir": lambda app: fhir.register(app, parts),
    }
    if light.keys() >= set(names):
        return light
    predictor = _predictor(parts)
    files = Blobs(file_rules(settings))
    return light | {
        "imaging": lambda app: imaging.register(app, parts, files, imaging_encoder(predictor, settings)),
        "genomic": lambda app: genomic.register(app, parts, files, molecular_encoder(predictor, settings)),
        "inference": lambda app: inference.register(app, parts, Answering(predictor, parts.topics.results)),
    }


def _predictor(parts: Parts) -> Predictor:
    try:
        return open_predictor(model_folder(parts.settings), parts.settings)
    except ValueError as error:
        raise WrongSettings(f"ONCOSTREAM_MODEL: {error}") from None

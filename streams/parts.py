"""What every agent of a worker shares."""

from dataclasses import dataclass

from redis.asyncio import Redis

from schemas.manifest import Manifest
from streams.dead_letters import DeadLetters
from streams.policy import Policy
from streams.pulse import Pulse
from streams.settings import Settings
from streams.topics import Topics


@dataclass(frozen=True)
class Parts:
    """The settled parts of one worker."""

    settings: Settings
    topics: Topics
    policy: Policy
    manifest: Manifest
    redis: Redis
    dead_letters: DeadLetters
    pulse: Pulse

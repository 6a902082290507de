"""How Kafka may be reached, as set."""

from datetime import timedelta
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from streams.path_settings import PathSettings, SetPath

LONGEST_SESSION = timedelta(seconds=90)
"""So long are Kafka's answers waited for, and so long may a session be: with a longer one Faust does not start."""


class KafkaSettings(PathSettings):
    """How Kafka is reached and how our topics are cut."""

    model_config = SettingsConfigDict(env_prefix="ONCOSTREAM_KAFKA_", frozen=True, extra="forbid")

    partitions: int = Field(default=12, ge=1, le=1000)
    """Partitions of each topic of ours. Chosen once: another number would put a patient where its past is not."""
    replication: int = Field(default=1, ge=1, le=9)
    prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$", max_length=200)
    """Put before every topic and consumer group, so that two installations can share a broker."""
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ca_file: SetPath | None = None
    """Certificates to trust, in PEM; None: the system's."""
    cert_file: SetPath | None = None
    """Our own certificate and its chain, in PEM, for a broker that asks its clients for one."""
    key_file: SetPath | None = None
    """The key of `cert_file`, unencrypted; None where that file has it."""
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    """How SASL proves the password; PLAIN sends it, so it wants `SASL_SSL`."""
    user: str = ""
    password: SecretStr = SecretStr("")
    password_file: SetPath | None = None
    """The password's file; read once, wins over `password`."""
    session_timeout: timedelta = Field(default=timedelta(seconds=6), ge=timedelta(seconds=1), le=LONGEST_SESSION)
    poll_records: int = Field(default=256, ge=1, le=10_000)
    """Records in a batch of a light role."""
    heavy_poll_records: int = Field(default=64, ge=1, le=1000)
    """Most records in a batch of a role that reads files; fewer where they take long (`Pace`)."""

    @field_validator("mechanism")
    @classmethod
    def _no_password_in_the_clear(cls, mechanism: str, info: ValidationInfo) -> str:
        if mechanism == "PLAIN" and info.data.get("security") == "SASL_PLAINTEXT":
            raise ValueError("it would send the password in the clear; set ONCOSTREAM_KAFKA_SECURITY to SASL_SSL")
        return mechanism

"""How Kafka is reached: one place for security and client settings, for Faust and for plain aiokafka."""

import ssl
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from streams.header_names import read_any_header_name
from streams.kafka_settings import KafkaSettings
from streams.settings import WrongSettings
from streams.topics import LARGEST_RECORD


def ssl_context(kafka: KafkaSettings) -> ssl.SSLContext | None:
    """TLS as set, or None for a plain connection."""
    if kafka.security not in ("SSL", "SASL_SSL"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if kafka.ca_file else ssl.create_default_context()
    load_certificates(context, kafka)
    return context


def load_certificates(context: ssl.SSLContext, kafka: KafkaSettings) -> None:
    """Have the context trust and show what the files hold now; raise WrongSettings where it cannot."""
    try:
        if kafka.ca_file is not None:
            context.load_verify_locations(kafka.ca_file)
    except OSError as error:  # an SSLError is one
        wanted = "wanted a readable file of certificates in PEM"
        raise WrongSettings(f"ONCOSTREAM_KAFKA_CA_FILE: found {error.strerror or error}; {wanted}") from None
    if kafka.cert_file is not None:
        _show_certificate(context, kafka.cert_file, kafka.key_file)


def _show_certificate(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """Have the context show our certificate to who asks; raise WrongSettings where it cannot."""
    try:
        context.load_cert_chain(certificate, key, password="")  # never asks a terminal
    except OSError as error:
        wanted = "wanted a certificate in PEM and, there or in ONCOSTREAM_KAFKA_KEY_FILE, its key, unencrypted"
        raise WrongSettings(f"ONCOSTREAM_KAFKA_CERT_FILE: found {error.strerror or error}; {wanted}") from None


def password(kafka: KafkaSettings) -> str:
    """The SASL password, from its file where one is set."""
    if kafka.password_file is None:
        return kafka.password.get_secret_value()
    try:
        return kafka.password_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise WrongSettings(f"ONCOSTREAM_KAFKA_PASSWORD_FILE: found {error.strerror}; wanted a readable file") from None


def client_options(bootstrap: str, kafka: KafkaSettings) -> dict[str, Any]:
    """Options of every aiokafka client."""
    options: dict[str, Any] = {"bootstrap_servers": bootstrap, "security_protocol": kafka.security}
    if (context := ssl_context(kafka)) is not None:
        options["ssl_context"] = context
    if kafka.security.startswith("SASL"):
        options |= {
            "sasl_mechanism": kafka.mechanism,
            "sasl_plain_username": kafka.user,
            "sasl_plain_password": password(kafka),
        }
    return options


def reader(bootstrap: str, kafka: KafkaSettings, **options: Any) -> AIOKafkaConsumer:
    """A consumer without a group, for reading a topic from its beginning."""
    read_any_header_name()
    return AIOKafkaConsumer(
        **client_options(bootstrap, kafka), enable_auto_commit=False, auto_offset_reset="earliest", **options
    )


def writer(bootstrap: str, kafka: KafkaSettings) -> AIOKafkaProducer:
    """A producer that waits for all replicas and repeats nothing."""
    return AIOKafkaProducer(
        **client_options(bootstrap, kafka), acks="all", enable_idempotence=True, max_request_size=LARGEST_RECORD
    )


def admin(bootstrap: str, kafka: KafkaSettings) -> AIOKafkaAdminClient:
    """An admin client."""
    return AIOKafkaAdminClient(**client_options(bootstrap, kafka))

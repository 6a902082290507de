"""Why Kafka does not do what we ask: its clients call a broker away, whatever it was."""

import ssl

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from streams.kafka import client_options
from streams.kafka_settings import KafkaSettings

OF_THE_USER = "give the user of ONCOSTREAM_KAFKA_USER its rights (docs/operations.md)"
"""The remedy where a user may not do what we need."""
_SECONDS = 5
_NOT_ALLOWED = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)
_OTHER_SECURITY = "check that ONCOSTREAM_KAFKA_SECURITY is what this port wants, and ONCOSTREAM_KAFKA_CERT_FILE"


async def kafka_fault(bootstrap: str, kafka: KafkaSettings, error: BaseException) -> str:
    """What a client's error comes from and the remedy, in one line: the brokers are asked once more, one by one."""
    if isinstance(error, _NOT_ALLOWED):
        return f"Kafka at {bootstrap} does not allow this ({type(error).__name__}); {OF_THE_USER}"
    told = [await _told(host, port, kafka) for host, port, _ in collect_hosts(bootstrap)]
    there = [each for each in told if each is not None]
    if not there:
        name = type(error).__name__
        return f"Kafka at {bootstrap} does not answer ({name}); start it (oncostream up), or set ONCOSTREAM_KAFKA"
    return f"Kafka at {bootstrap} {there[0]}"


async def _told(host: str, port: int, kafka: KafkaSettings) -> str | None:
    """What this broker says to us; None where nobody answers."""
    options = client_options("", kafka)
    del options["bootstrap_servers"]
    try:
        connection = await create_conn(host, port, request_timeout_ms=_SECONDS * 1000, **options)
        try:
            await connection.send(MetadataRequest([]))
        finally:
            connection.close()
    except ssl.SSLCertVerificationError as error:
        return f"shows a certificate that we do not trust ({error.verify_message}); set ONCOSTREAM_KAFKA_CA_FILE"
    except SaslAuthenticationFailed:
        return "refuses the user or the password; set ONCOSTREAM_KAFKA_USER and ONCOSTREAM_KAFKA_PASSWORD"
    except UnsupportedSaslMechanismError:
        return f"does not take {kafka.mechanism}; set ONCOSTREAM_KAFKA_MECHANISM to one that it takes"
    except (ssl.SSLError, ConnectionResetError, KafkaError) as error:
        return f"hangs up ({type(error).__name__}); {_OTHER_SECURITY}"
    except OSError:  # a TimeoutError is one
        return None
    return "answers, but not at the addresses that it gives its clients; check its advertised.listeners"

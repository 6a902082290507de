"""Kafka and Redis as a hospital has them: behind TLS, with passwords, certificates and rights."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from guarded_servers import PASSWORD, Guarded, guarded_servers
from typed import typed

from agents.checks import State
from agents.clients import administering, caching
from agents.exits import Away
from agents.service_checks import check_kafka
from model.cohorts.synthetic import write_synthetic
from streams.app import role_app
from streams.kafka import ssl_context
from streams.opened import opened
from streams.settings import WrongSettings, read_settings

pytestmark = pytest.mark.slow
MAIN = (sys.executable, "-c", "from agents.cli import main; main()")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, java_environ: dict[str, str]) -> Iterator[Guarded]:
    with guarded_servers(tmp_path_factory.mktemp("guarded"), java_environ) as running:
        yield running


@pytest.fixture
def as_hospital(guarded: Guarded, fresh_settings: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a worker that is let in; this process has it as well."""
    ours = guarded.env | {"ONCOSTREAM_TRIGGER_MIN_MODALITIES": "1"}
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    return fresh_settings.env | ours


def test_the_whole_road_goes_by_passwords_over_tls_with_no_more_rights_than_the_page_asks_for(
    as_hospital: dict[str, str], tmp_path: Path
) -> None:
    typed("doctor", "--create-topics")
    write_synthetic(tmp_path / "cohort", patients=2, seed=5)
    typed("send", tmp_path / "cohort")
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen((*MAIN, "run"), env=as_hospital, stdout=log, stderr=log)
    try:
        status = typed("status", "--wait", "90", "--json").stdout
    finally:
        worker.terminate()
        assert worker.wait(60) == 0
    assert {json.loads(line)["patient"] for line in typed("results", "--json").stdout.splitlines()}
    told = (tmp_path / "worker.log").read_text()
    assert not any(secret in told + status for secret in (PASSWORD, "pa%2Fss", "pa/ss"))


def test_a_certificate_of_ours_opens_a_listener_that_wants_one(
    guarded: Guarded, as_hospital: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONCOSTREAM_KAFKA", f"127.0.0.1:{guarded.ports['SSL']}")
    monkeypatch.setenv("ONCOSTREAM_KAFKA_SECURITY", "SSL")
    assert "hangs up" in refused_by_kafka()
    monkeypatch.setenv("ONCOSTREAM_KAFKA_CERT_FILE", str(guarded.certificate))
    assert set(asyncio.run(topics_seen())) == asyncio.run(topics_that_faust_sees())


def test_a_certificate_without_a_key_that_we_can_read_is_refused(
    guarded: Guarded, as_hospital: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = load_pem_private_key(guarded.certificate.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    _, begins, certificates = guarded.certificate.read_bytes().partition(b"-----BEGIN CERT")
    locked.write_bytes(encrypted + begins + certificates)
    for file in (tmp_path / "nowhere.pem", guarded.ca, locked):
        monkeypatch.setenv("ONCOSTREAM_KAFKA_CERT_FILE", str(file))
        with pytest.raises(WrongSettings, match=r"ONCOSTREAM_KAFKA_CERT_FILE: found .*; wanted a certificate in PEM"):
            ssl_context(read_settings().kafka)


async def topics_that_faust_sees() -> set[str]:
    """What a role's own consumer is told."""
    app = role_app("clinical", read_settings(), heavy=False)
    async with opened(app._new_consumer()._thread._create_worker_consumer(app.transport)) as consumer:
        return set(await consumer.topics())


async def topics_seen() -> list[str]:
    async with administering(read_settings()) as client:
        return list(await client.list_topics())


def test_a_command_that_kafka_does_not_allow_says_so(
    as_hospital: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONCOSTREAM_KAFKA_USER", "guest")

    async def ask() -> None:
        async with administering(read_settings()) as client:
            await client.describe_consumer_groups(["oncostream-clinical"])

    with pytest.raises(Away, match=r"does not allow this \(GroupAuthorizationFailedError\); give the user"):
        asyncio.run(ask())


def refused_by_kafka() -> str:
    """What a command says that cannot reach Kafka."""
    with pytest.raises(Away) as raised:
        asyncio.run(topics_seen())
    return str(raised.value)


@pytest.mark.parametrize(
    ("listener", "wrong", "told"),
    [
        pytest.param("SASL_SSL", {"PASSWORD": "other"}, "refuses the user or the password; set", id="another-password"),
        pytest.param("SASL_SSL", {"CA_FILE": None}, "certificate that we do not trust (unable", id="another-authority"),
        pytest.param("SASL_SSL", {"MECHANISM": "PLAIN"}, "does not take PLAIN; set", id="another-mechanism"),
        pytest.param("SASL_SSL", {"SECURITY": "SSL"}, "hangs up (KafkaConnectionError); check", id="no-password"),
        pytest.param("SASL_SSL", {"SECURITY": "PLAINTEXT"}, "hangs up (KafkaConnectionErr", id="in-the-clear"),
        pytest.param("PLAINTEXT", {}, "hangs up (ConnectionResetError); check", id="tls-where-there-is-none"),
        pytest.param("PLAINTEXT", {"SECURITY": "SASL_PLAINTEXT"}, "hangs up (Illegal", id="sasl-where-there-is-none"),
    ],
)
def test_what_keeps_kafka_shut_is_told_with_its_remedy(
    guarded: Guarded,
    as_hospital: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    listener: str,
    wrong: dict[str, str | None],
    told: str,
) -> None:
    monkeypatch.setenv("ONCOSTREAM_KAFKA", f"127.0.0.1:{guarded.ports[listener]}")
    for name, value in wrong.items():
        if value is None:
            monkeypatch.delenv(f"ONCOSTREAM_KAFKA_{name}")
        else:
            monkeypatch.setenv(f"ONCOSTREAM_KAFKA_{name}", value)
    assert told in refused_by_kafka()


def test_a_broker_of_several_that_answers_tells_what_is_wrong(
    guarded: Guarded, as_hospital: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONCOSTREAM_KAFKA", f"127.0.0.1:1,127.0.0.1:{guarded.ports['SASL_SSL']}")
    monkeypatch.setenv("ONCOSTREAM_KAFKA_PASSWORD", "other")
    assert "refuses the user or the password" in refused_by_kafka()


def test_a_user_without_rights_is_told_so(as_hospital: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCOSTREAM_KAFKA_USER", "guest")
    known, *topics, workers = asyncio.run(check_kafka(read_settings(), create=True))
    assert (known.state, workers.state) == (State.WELL, State.WRONG)
    assert topics[0].found == "could not be created (TopicAuthorizationFailedError)"
    assert workers.remedy == "give the user of ONCOSTREAM_KAFKA_USER its rights (docs/operations.md)"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        pytest.param("rediss://worker:pa%2Fss@{tls}", "certificate that we do not trust (unable", id="no-authority"),
        pytest.param("rediss://worker:other@{tls}?ssl_ca_certs={ca}", "refuses the user or", id="another-password"),
        pytest.param("redis://worker:other@{plain}", "refuses the user or the password", id="and-in-the-clear"),
        pytest.param("redis://nobody:pa%2Fss@{plain}", "does not allow this; give the user", id="no-rights"),
        pytest.param("redis://worker:pa%2Fss@{tls}", "does not answer", id="in-the-clear"),
    ],
)
def test_what_keeps_redis_shut_is_told_with_its_remedy(
    guarded: Guarded, as_hospital: dict[str, str], monkeypatch: pytest.MonkeyPatch, address: str, told: str
) -> None:
    known = {"tls": guarded.redis, "plain": guarded.plain_redis, "ca": guarded.ca}
    monkeypatch.setenv("ONCOSTREAM_REDIS", address.format(**known))

    async def ask() -> None:
        async with caching(read_settings()) as redis:
            await redis.get("x")

    with pytest.raises(Away) as raised:
        asyncio.run(ask())
    assert told in str(raised.value)
    assert "pa%2Fss" not in str(raised.value)

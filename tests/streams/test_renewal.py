"""A certificate that is renewed under a worker is what its next connection shows."""

import asyncio
import ssl
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.x509 import load_der_x509_certificate

from streams.app import role_app
from streams.kafka import ssl_context
from streams.kafka_settings import KafkaSettings
from streams.renewal import Renewal
from streams.settings import read_settings

HOST = "127.0.0.1"


class Hospital:
    """Two authorities, and the files that a worker was given."""

    def __init__(self, folder: Path) -> None:
        self.first, self.second = trustme.CA(), trustme.CA()
        self.settings = KafkaSettings(
            security="SSL", ca_file=folder / "ca.pem", cert_file=folder / "client.pem", key_file=folder / "key.pem"
        )
        self.issue(self.first)

    def issue(self, authority: trustme.CA) -> int:
        """Write a new certificate of this authority, which is trusted then; returns its number."""
        client = authority.issue_cert("worker.hospital.example")
        chain = b"".join(blob.bytes() for blob in client.cert_chain_pems)
        for file, content in (
            (self.settings.ca_file, authority.cert_pem.bytes()),
            (self.settings.cert_file, chain),
            (self.settings.key_file, client.private_key_pem.bytes()),
        ):
            assert file is not None
            draft = file.with_suffix(".new")
            draft.write_bytes(content)
            draft.replace(file)
        return int(load_der_x509_certificate(ssl.PEM_cert_to_DER_cert(chain.decode())).serial_number)


async def shown(context: ssl.SSLContext, authority: trustme.CA) -> int:
    """The number of the certificate that this context shows to a server of that authority; raises where it refuses."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(server_context)
    authority.configure_trust(server_context)
    server_context.verify_mode = ssl.CERT_REQUIRED
    seen: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        seen.set_result(int(load_der_x509_certificate(certificate).serial_number))
        writer.close()

    async with await asyncio.start_server(answer, HOST, 0, ssl=server_context) as server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection(HOST, port, ssl=context, server_hostname=HOST)
        number = await asyncio.wait_for(seen, 5)
        writer.close()
    return number


def test_the_next_connection_shows_the_new_certificate_and_trusts_the_new_authority(tmp_path: Path) -> None:
    async def visit() -> None:
        hospital = Hospital(tmp_path)
        context = ssl_context(hospital.settings)
        assert context is not None
        renewal = Renewal(hospital.settings, [context])
        new = hospital.issue(hospital.second)
        with pytest.raises(ssl.SSLCertVerificationError):
            await shown(context, hospital.second)
        renewal.look()
        assert await shown(context, hospital.second) == new

    asyncio.run(visit())


def test_a_pair_that_is_written_by_halves_is_left_until_it_is_whole(tmp_path: Path) -> None:
    async def visit() -> None:
        hospital = Hospital(tmp_path)
        old = hospital.issue(hospital.first)
        context = ssl_context(hospital.settings)
        assert context is not None
        assert hospital.settings.key_file is not None
        renewal = Renewal(hospital.settings, [context])
        key = hospital.settings.key_file.read_bytes()
        new = hospital.issue(hospital.first)
        whole = hospital.settings.key_file.read_bytes()
        hospital.settings.key_file.write_bytes(key)
        renewal.look()
        assert await shown(context, hospital.first) == old
        hospital.settings.key_file.write_bytes(whole)
        renewal.look()
        assert await shown(context, hospital.first) == new

    asyncio.run(visit())


def test_the_context_that_is_renewed_is_the_one_that_connects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def visit() -> None:
        kafka = Hospital(tmp_path).settings
        monkeypatch.setenv("ONCOSTREAM_HOME", str(tmp_path))
        app = role_app("clinical", replace(read_settings(), kafka=kafka), heavy=False)
        consumer = app._new_consumer()._thread._create_worker_consumer(app.transport)
        producer = app.producer._new_producer()
        assert app.tls is not None
        assert app.tls is consumer._client._ssl_context is producer.client._ssl_context

    asyncio.run(visit())


def test_a_worker_looks_by_itself(tmp_path: Path) -> None:
    async def visit() -> None:
        hospital = Hospital(tmp_path)
        context = ssl_context(hospital.settings)
        assert context is not None
        async with Renewal(hospital.settings, [context], every=timedelta(milliseconds=20)):
            new = hospital.issue(hospital.first)
            async with asyncio.timeout(5):
                while await shown(context, hospital.first) != new:
                    await asyncio.sleep(0.02)

    asyncio.run(visit())

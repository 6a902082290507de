"""A broker with a listener of each kind and an authorizer, and a cache behind TLS with users of its own."""

import asyncio
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from aiokafka.conn import create_conn
from aiokafka.protocol.admin import CreateAclsRequest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from redis import Redis

from deploy.local.broker import broker_settings
from deploy.local.cache import start_cache
from deploy.local.greeting import broker_answers
from deploy.local.jars import MavenRepository, resolve_jars
from deploy.local.java import find_java
from deploy.local.ports import HOST, free_port
from deploy.local.server import Program, Server

SECURITIES = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
PASSWORD = "s3cret"
USERS = ("hospital", "guest")
"""The first may do what operations.md says, the second nothing."""

_TOPIC, _GROUP, _LITERAL, _ALLOW = 2, 3, 3, 3
_READ, _WRITE, _CREATE = 3, 4, 5
_RIGHTS = ((_TOPIC, _READ), (_TOPIC, _WRITE), (_TOPIC, _CREATE), (_GROUP, _READ))
_CACHE_RIGHTS = ("~*", "+@read", "+@write", "+@scripting", "+@connection", "-@dangerous")


@dataclass(frozen=True)
class Guarded:
    """Where the two are, and what a client needs to be let in."""

    ports: Mapping[str, int]
    """A listener for each of `SECURITIES`; that of SSL wants a certificate of its clients."""
    redis: str
    """`host:port/db`, behind TLS."""
    plain_redis: str
    ca: Path
    certificate: Path
    """A client's, with its key."""

    @property
    def env(self) -> dict[str, str]:
        """Settings of a worker that is let in, by password over TLS, at both."""
        return {
            "ONCOSTREAM_KAFKA": f"{HOST}:{self.ports['SASL_SSL']}",
            "ONCOSTREAM_KAFKA_SECURITY": "SASL_SSL",
            "ONCOSTREAM_KAFKA_CA_FILE": str(self.ca),
            "ONCOSTREAM_KAFKA_USER": USERS[0],
            "ONCOSTREAM_KAFKA_PASSWORD": PASSWORD,
            "ONCOSTREAM_REDIS": f"rediss://worker:pa%2Fss@{self.redis}?ssl_ca_certs={self.ca}",
        }


@contextmanager
def guarded_servers(home: Path, environ: Mapping[str, str]) -> Iterator[Guarded]:
    """Run both for as long as the block lasts."""
    authority = trustme.CA()
    ours, client = authority.issue_cert(HOST), authority.issue_cert("worker.hospital.example")
    ca, certificate = home / "ca.pem", home / "client.pem"
    authority.cert_pem.write_to_path(str(ca))
    client.private_key_and_cert_chain_pem.write_to_path(str(certificate))
    ports = {security: free_port() for security in SECURITIES}
    with (
        _broker(home / "kafka", ports, ours, ca, environ),
        start_cache(home, environ=environ) as cache,
        _tls_before(cache, ours) as redis_port,
    ):
        asyncio.run(_give_rights(ports["PLAINTEXT"]))
        with Redis.from_url(cache.address) as redis:
            redis.execute_command("ACL", "SETUSER", "worker", "on", ">pa/ss", *_CACHE_RIGHTS)
            redis.execute_command("ACL", "SETUSER", "nobody", "on", ">pa/ss")
        yield Guarded(ports, f"{HOST}:{redis_port}/0", cache.address.removeprefix("redis://"), ca, certificate)


def _broker(
    folder: Path, ports: Mapping[str, int], ours: trustme.LeafCert, ca: Path, environ: Mapping[str, str]
) -> Server:
    marker, plain = f"-Doncostream.folder={folder}", ports["PLAINTEXT"]
    jars = os.pathsep.join(str(jar) for jar in resolve_jars(MavenRepository.of(environ)))
    java = (str(find_java(environ)), marker, "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", jars)
    users = [f'SCRAM-SHA-512=[name="{user}",password="{PASSWORD}"]' for user in USERS]
    storage = (*java, "kafka.tools.StorageTool", "format", "-t", "A" * 22, "-c", "server.properties")

    def lay_out() -> None:
        (folder / "server.pem").write_bytes(_in_pkcs8(ours))
        (folder / "server.properties").write_text(_settings(ports, folder / "server.pem", ca), encoding="ascii")
        added = [word for user in users for word in ("--add-scram", user)]
        subprocess.run((*storage, *added), cwd=folder, env=dict(environ), check=True, capture_output=True)

    server = Server(
        Program(
            name="broker",
            folder=folder,
            command=(*java, "kafka.Kafka", "server.properties"),
            marker=marker,
            port=plain,
            port_option="port",
            address=f"{HOST}:{plain}",
            prepare=lay_out,
            answers=broker_answers,
            environ=environ,
            output=folder / "output.log",
        )
    )
    server.start()
    return server


def _settings(ports: Mapping[str, int], server: Path, ca: Path) -> str:
    """Of the local broker, and over them ours; who has no name (on the plain listener) may do all."""
    controller = free_port()
    over = {
        "listeners": ",".join(
            [f"{name}://{HOST}:{port}" for name, port in ports.items()] + [f"CONTROLLER://{HOST}:{controller}"]
        ),
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT," + ",".join(f"{name}:{name}" for name in ports),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": server,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": ca,
        "listener.name.ssl.ssl.client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:CN=worker.hospital.example",
    }
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    for name in ("sasl_plaintext", "sasl_ssl"):
        over[f"listener.name.{name}.scram-sha-512.sasl.jaas.config"] = login
    text = broker_settings(ports["PLAINTEXT"], controller, "data")
    return text + "".join(f"{key}={value}\n" for key, value in over.items())


def _in_pkcs8(certificate: trustme.LeafCert) -> bytes:
    """Key and chain as Java reads them."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    chain = [pem.bytes() for pem in certificate.cert_chain_pems]
    return b"".join((key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), *chain))


async def _give_rights(port: int) -> None:
    connection = await create_conn(HOST, port)
    for resource, operation in _RIGHTS:
        await connection.send(
            CreateAclsRequest(resource, "*", _LITERAL, f"User:{USERS[0]}", "*", operation, _ALLOW)  # type: ignore[no-untyped-call]
        )
    connection.close()


@contextmanager
def _tls_before(cache: Server, ours: trustme.LeafCert) -> Iterator[int]:
    """A port that speaks TLS for a cache whose build cannot."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.configure_cert(context)
    port, loop = free_port(), asyncio.new_event_loop()
    upstream = int(cache.address.removeprefix(f"redis://{HOST}:").removesuffix("/0"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, upstream)
        await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))

    loop.run_until_complete(asyncio.start_server(serve, HOST, port, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield port
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # the other side is gone, as this one will be
    finally:
        writer.close()

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.broker import start_broker
from deploy.local.cache import start_cache
from deploy.local.errors import LocalError
from deploy.local.ports import HOST, free_port
from deploy.local.servers import Addresses, LocalServers, local_servers, running_servers

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "kafka" / "m2"
ENVIRON = {**os.environ, **({"M2_REPO": str(SHARED), "JGO_OFFLINE": "true"} if SHARED.is_dir() else {})}
GONE_SECONDS = 30.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServers]:
    """One pair of servers, in a folder whose name needs care."""
    with running_servers(tmp_path_factory.mktemp("home") / "é, x", environ=ENVIRON) as running:
        yield running


def home_of(servers: LocalServers) -> Path:
    return servers.broker.output.parents[2]


async def make_topic(kafka: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    await admin.close()


async def produce(kafka: str, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topic, value)


async def consume(kafka: str, topic: str, count: int) -> list[bytes]:
    """The first `count` values, read as a member of a group."""
    group = f"readers-of-{topic}"
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    ) as consumer:
        return [(await asyncio.wait_for(consumer.getone(), 60)).value for _ in range(count)]


def test_what_is_written_is_read_again(servers: LocalServers) -> None:
    kafka = servers.addresses.kafka
    asyncio.run(make_topic(kafka, "written"))
    asyncio.run(produce(kafka, "written", b"first"))
    assert asyncio.run(consume(kafka, "written", 1)) == [b"first"]
    with redis.Redis.from_url(servers.addresses.redis) as cache:
        cache.set("key", "value")
        assert cache.get("key") == b"value"


def test_records_outlive_a_killed_broker_on_the_same_address(servers: LocalServers) -> None:
    kafka, before = servers.addresses.kafka, servers.broker.pid
    asyncio.run(make_topic(kafka, "outlives"))
    asyncio.run(produce(kafka, "outlives", b"before"))
    os.kill(before, signal.SIGKILL)
    servers.broker.restart()
    asyncio.run(produce(kafka, "outlives", b"after"))
    assert servers.broker.pid != before
    assert asyncio.run(consume(kafka, "outlives", 2)) == [b"before", b"after"]


def test_a_killed_cache_comes_back_empty_on_the_same_address(servers: LocalServers) -> None:
    with redis.Redis.from_url(servers.addresses.redis) as cache:
        cache.set("lost", "1")
        servers.cache.kill()
        assert not servers.cache.alive
        servers.cache.restart()
        assert cache.get("lost") is None


def test_a_second_start_on_a_home_in_use_is_refused_and_harms_nothing(servers: LocalServers) -> None:
    refusal = rf"in use by process {os.getpid()}; stop that one, or choose another --home"
    with pytest.raises(LocalError, match=refusal), local_servers(home_of(servers), environ=ENVIRON):
        pytest.fail("two owners of one home")
    with pytest.raises(LocalError, match=refusal):
        start_broker(home_of(servers), environ=ENVIRON)
    assert servers.broker.alive
    assert servers.cache.alive


def test_a_broker_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(LocalError, match=rf"port {port} cannot be used .*choose another --kafka-port"):
            start_broker(tmp_path, port=port, environ=ENVIRON)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no local Maven repository beside the checkout")
def test_no_broker_starts_on_a_jar_that_was_changed(tmp_path: Path) -> None:
    shutil.copytree(SHARED, tmp_path / "m2", copy_function=os.symlink)
    (jar,) = (tmp_path / "m2").rglob("kafka-raft-4.3.1.jar")
    content = jar.read_bytes()
    jar.unlink()
    jar.write_bytes(content + b"\0")
    with pytest.raises(LocalError, match=r"kafka-raft-4\.3\.1\.jar has SHA-256"):
        start_broker(tmp_path / "home", environ={**ENVIRON, "M2_REPO": str(tmp_path / "m2")})


@contextmanager
def command_line(home: Path) -> Iterator[tuple["subprocess.Popen[str]", Addresses, list[psutil.Process]]]:
    """`python -m deploy.local`, what it said, and every process it started; killed at the end."""
    command = (sys.executable, "-m", "deploy.local", "--home", str(home))
    with subprocess.Popen(command, cwd=ROOT, env=ENVIRON, stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None
            addresses = Addresses(**json.loads(owner.stdout.readline()))
            yield owner, addresses, psutil.Process(owner.pid).children(recursive=True)
        finally:
            owner.kill()


def test_the_home_of_a_killed_owner_starts_again_at_once_with_its_topics(tmp_path: Path) -> None:
    with command_line(tmp_path) as (owner, addresses, started):
        asyncio.run(make_topic(addresses.kafka, "kept"))
        asyncio.run(produce(addresses.kafka, "kept", b"value"))
        owner.kill()
    with local_servers(tmp_path, environ=ENVIRON) as again:
        assert asyncio.run(consume(again.kafka, "kept", 1)) == [b"value"]
        assert len(started) == 4  # two servers and their keepers
        assert not any(process.is_running() for process in started)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        pytest.param(signal.SIGINT, 0, id="ctrl-c"),
        pytest.param(signal.SIGTERM, 0, id="asked"),
        pytest.param(signal.SIGKILL, -9, id="killed"),
    ],
)
def test_both_stop_in_order_however_their_owner_ends(tmp_path: Path, ending: signal.Signals, code: int) -> None:
    with command_line(tmp_path) as (owner, _, started):
        owner.send_signal(ending)
        assert owner.wait(GONE_SECONDS) == code
        assert psutil.wait_procs(started, timeout=GONE_SECONDS)[1] == []
    assert (tmp_path / "kafka" / "data" / ".kafka_cleanshutdown").exists()


def test_a_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    started = []
    thread = threading.Thread(target=lambda: started.append(start_cache(tmp_path)))
    thread.start()
    thread.join()
    with started[0] as cache, redis.Redis.from_url(cache.address) as client:
        assert client.ping()
        assert cache.alive


def test_a_server_dies_with_its_killed_keeper(tmp_path: Path) -> None:
    with start_cache(tmp_path) as cache:
        server = psutil.Process(cache.pid)
        server.parent().kill()
        server.wait(GONE_SECONDS)
        cache.restart()
        assert cache.alive


@contextmanager
def ended(*command: str) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


def test_an_orphan_of_this_home_is_ended_and_a_reader_of_its_files_is_not(tmp_path: Path) -> None:
    with start_cache(tmp_path) as first:
        binary, settings = psutil.Process(first.pid).cmdline()
    other_port = Path(settings).read_text().replace(first.address.split(":")[-1][:-2], str(free_port()))
    Path(settings).write_text(other_port)
    with ended(binary, settings) as orphan, ended("tail", "-f", settings) as reader, start_cache(tmp_path):
        assert orphan.wait(GONE_SECONDS) == 0
        assert reader.poll() is None

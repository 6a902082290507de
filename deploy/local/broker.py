"""An Apache Kafka of one node (KRaft) in a folder of its own, whose topics outlive it."""

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.greeting import broker_answers
from deploy.local.jars import MavenRepository, resolve_jars
from deploy.local.java import find_java
from deploy.local.ports import HOST, free_port
from deploy.local.server import Program, Server

_LOG4J = Path(__file__).with_name("log4j2.yaml")


def start_broker(home: Path, *, port: int | None = None, environ: Mapping[str, str] = os.environ) -> Server:
    """Start the broker of this home, with the topics it had, and return when it answers; without `port`, on a free one.

    M2_REPO and JGO_OFFLINE of `environ` say where its jars are, JAVA_HOME and PATH where a Java is.
    """
    folder = home.resolve() / "kafka"
    chosen = free_port() if port is None else port
    environ = {**environ, "LC_ALL": "C.UTF-8"}  # so that Java reads every path as we wrote it
    java = _java(folder, find_java(environ), resolve_jars(MavenRepository.of(environ)))
    program = Program(
        name="broker",
        folder=folder,
        command=(*java, "kafka.Kafka", "server.properties"),
        marker=_marker(folder),
        port=chosen,
        port_option="--kafka-port",
        address=f"{HOST}:{chosen}",
        prepare=lambda: _lay_out(folder, chosen, java, environ),
        answers=broker_answers,
        environ=environ,
        output=folder / "logs" / "output.log",
    )
    server = Server(program)
    server.start()
    return server


def broker_settings(port: int, controller_port: int, data: str) -> str:
    """Text of server.properties; `data` is relative, so no letter in a path needs an escape."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "broker.heartbeat.interval.ms": 1000,
        "broker.session.timeout.ms": 4000,  # how long a restart after a crash waits for its own former self
        "group.min.session.timeout.ms": 1000,
        "group.initial.rebalance.delay.ms": 0,
        "offsets.topic.num.partitions": 5,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 5,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 5,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def _marker(folder: Path) -> str:
    return f"-Doncostream.folder={folder}"


def _java(folder: Path, java: Path, jars: tuple[Path, ...]) -> tuple[str, ...]:
    """The Java command up to the class; every file it makes of its own accord is in the folder."""
    return (
        str(java),
        _marker(folder),
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:ErrorFile=logs/java-error-%p.log",
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        "-Dkafka.logs.dir=logs",
        "-Dlog4j2.configurationFile=log4j2.yaml",
        "-cp",
        os.pathsep.join(str(jar) for jar in jars),
    )


def _lay_out(folder: Path, port: int, java: tuple[str, ...], environ: Mapping[str, str]) -> None:
    """Write its settings, empty what a crash may have left, and make its storage where it has none."""
    controller_port = free_port(avoid=port)
    for leftover in ("tmp", "unformatted"):
        shutil.rmtree(folder / leftover, ignore_errors=True)
    for made in ("tmp", "logs"):
        (folder / made).mkdir(exist_ok=True)
    for name, data in (("server.properties", "data"), ("format.properties", "unformatted")):
        (folder / name).write_text(broker_settings(port, controller_port, data), encoding="ascii")
    shutil.copyfile(_LOG4J, folder / "log4j2.yaml")
    if not (folder / "data").exists():
        _format(folder, java, environ)


def _format(folder: Path, java: tuple[str, ...], environ: Mapping[str, str]) -> None:
    """Make the storage aside, then move it in place: a crash in between leaves nothing half made."""
    cluster = "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
    command = (*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", "format.properties")
    done = subprocess.run(command, cwd=folder, env=dict(environ), capture_output=True, check=False)
    if done.returncode != 0:
        (folder / "logs" / "format.log").write_bytes(done.stdout + done.stderr)
        raise LocalError(f"the broker's storage could not be made; {folder / 'logs'} says why")
    (folder / "unformatted").rename(folder / "data")

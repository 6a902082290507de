import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas.evidence import Modality
from streams.app import role_app
from streams.kafka import password, ssl_context
from streams.settings import Settings, WrongSettings, read_settings, set_where_nothing_is

SECRET = "s3cr3t-that-nobody-may-read"
TOML = """
[kafka]
partitions = 6
prefix = "clinic."
[trigger]
deadline = "PT1H"
required = ["clinical"]
"""


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without a setting of ours."""
    for name in [name for name in os.environ if name.startswith("ONCOSTREAM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The TOML file that ONCOSTREAM_CONFIG names."""
    path = tmp_path / "oncostream.toml"
    path.write_text(TOML, encoding="utf-8")
    monkeypatch.setenv("ONCOSTREAM_CONFIG", str(path))
    return path


def refusal() -> str:
    with pytest.raises(WrongSettings) as refused:
        read_settings()
    return str(refused.value)


def test_without_any_setting_a_laptop_works() -> None:
    settings = read_settings()
    assert (settings.places.kafka, settings.kafka.partitions) == ("127.0.0.1:9092", 12)
    assert settings.trigger.deadline == timedelta(days=1)
    assert settings.predict.threshold == 0.85


def test_the_environment_is_read_with_its_types(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ONCOSTREAM_KAFKA": "k1:9092,k2:9092",
        "ONCOSTREAM_KAFKA_PARTITIONS": "24",
        "ONCOSTREAM_TRIGGER_DEADLINE": "PT36H",
        "ONCOSTREAM_TRIGGER_REQUIRED": '["clinical", "genomic"]',
        "ONCOSTREAM_INPUT_KEY": "patient",
    }.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert (settings.places.kafka, settings.kafka.partitions) == ("k1:9092,k2:9092", 24)
    assert settings.trigger.deadline == timedelta(hours=36)
    assert settings.trigger.required == (Modality.CLINICAL, Modality.GENOMIC)
    assert settings.places.input_key == "patient"


@pytest.mark.parametrize("session", ["PT1S", "PT1M30S"])
def test_faust_bears_every_session_that_the_settings_take(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, session: str
) -> None:
    monkeypatch.setenv("ONCOSTREAM_KAFKA_SESSION_TIMEOUT", session)
    monkeypatch.setenv("ONCOSTREAM_HOME", str(tmp_path))
    app = role_app("clinical", read_settings(), heavy=False)

    async def made() -> AIOKafkaConsumer:
        return app._new_consumer()._thread._create_worker_consumer(app.transport)

    assert asyncio.run(made())._session_timeout_ms == read_settings().kafka.session_timeout / timedelta(milliseconds=1)


def test_no_batch_is_in_work_for_too_long_to_stay_in_the_group(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A slow file, or Redis away: after Faust's 1000 s aiokafka leaves, and waits for a fetch to join again."""
    monkeypatch.setenv("ONCOSTREAM_HOME", str(tmp_path))
    app = role_app("clinical", read_settings(), heavy=False)

    async def made() -> AIOKafkaConsumer:
        return app._new_consumer()._thread._create_worker_consumer(app.transport)

    assert asyncio.run(made())._max_poll_interval_ms > timedelta(days=365) / timedelta(milliseconds=1)


def test_a_kafka_that_is_away_is_told_after_a_minute_and_a_half(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What waits for it fails, is counted and tried again; after Faust's 20 minutes nobody needs to be told."""
    monkeypatch.setenv("ONCOSTREAM_HOME", str(tmp_path))
    app = role_app("clinical", read_settings(), heavy=False)

    async def made() -> AIOKafkaProducer:
        return app.producer._new_producer()

    assert asyncio.run(made())._request_timeout_ms == timedelta(seconds=90) / timedelta(milliseconds=1)


@pytest.mark.usefixtures("config")
def test_a_toml_file_is_read_and_the_environment_goes_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCOSTREAM_KAFKA_PARTITIONS", "3")
    settings = read_settings()
    assert (settings.kafka.partitions, settings.kafka.prefix) == (3, "clinic.")
    assert settings.trigger.deadline == timedelta(hours=1)
    assert settings.trigger.required == (Modality.CLINICAL,)


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("name", ["oncostream_kafka_partitions", "Oncostream_Web_Port", "oncostream_config"])
def test_a_name_of_the_environment_in_small_letters_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It was read, and lost to the file; beside the name in capitals either one won."""
    monkeypatch.setenv(name, "3")
    assert refusal() == f"{name}: found a name that is not in capitals; wanted {name.upper()}"


def test_what_is_no_setting_in_any_letters_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("oncostream_colour", "\udcff")
    assert read_settings().kafka.partitions == 12


@pytest.mark.parametrize("name", ["CONFIG", "KAFKA", "HOME", "KAFKA_PASSWORD", "TRIGGER_REQUIRED"])
def test_a_value_that_is_not_utf_8_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"ONCOSTREAM_{name}", f"{SECRET}\udcff")
    assert refusal() == f"ONCOSTREAM_{name}: found bytes that are not UTF-8; wanted text"


@pytest.mark.usefixtures("config")
def test_what_the_file_or_the_environment_sets_is_not_set_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, "ONCOSTREAM_TRIGGER_SETTLE": "PT3S"})
    names = ("KAFKA_PARTITIONS", "TRIGGER_SETTLE", "TRIGGER_MIN_INTERVAL")
    set_where_nothing_is({f"ONCOSTREAM_{name}": "9" for name in names})
    told = {name: os.environ.get(f"ONCOSTREAM_{name}") for name in names}
    assert told == {"KAFKA_PARTITIONS": None, "TRIGGER_SETTLE": "PT3S", "TRIGGER_MIN_INTERVAL": "9"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("ONCOSTREAM_KAFKA_PARTITIONS", "0", id="out-of-bounds"),
        pytest.param("ONCOSTREAM_KAFKA_PARTITIONS", "many", id="not-a-number"),
        pytest.param("ONCOSTREAM_KAFKA_SECURITY", "TLS", id="not-one-of-them"),
        pytest.param("ONCOSTREAM_KAFKA_MECHANISM", "GSSAPI", id="not-a-password"),
        pytest.param("ONCOSTREAM_KAFKA_PREFIX", "a b", id="not-a-topic-name"),
        pytest.param("ONCOSTREAM_TRIGGER_DEADLINE", "soon", id="not-a-duration"),
        pytest.param("ONCOSTREAM_TRIGGER_MIN_MODALITIES", "4", id="more-than-there-are"),
        pytest.param("ONCOSTREAM_TRIGGER_DEADLINE", "-PT1S", id="a-time-before-the-evidence"),
        pytest.param("ONCOSTREAM_TRIGGER_SETTLE", "P10Y1D", id="a-time-that-is-near-no-date"),
        pytest.param("ONCOSTREAM_KAFKA_SESSION_TIMEOUT", "PT0.5S", id="shorter-than-a-heartbeat-takes"),
        pytest.param("ONCOSTREAM_KAFKA_SESSION_TIMEOUT", "PT1M31S", id="longer-than-faust-bears"),
        pytest.param("ONCOSTREAM_KAFKA_PREFIX", 60 * "long", id="longer-than-a-topic-name-may-be"),
        pytest.param("ONCOSTREAM_PREDICT_THRESHOLD", "85", id="a-percentage"),
        pytest.param("ONCOSTREAM_WEB_PORT", "70000", id="no-such-port"),
        pytest.param("ONCOSTREAM_KAFKA", "broker:port", id="a-broker-at-no-number"),
        pytest.param("ONCOSTREAM_KAFKA", "broker:70000", id="a-broker-at-no-port"),
        pytest.param("ONCOSTREAM_KAFKA", "", id="no-broker"),
        pytest.param("ONCOSTREAM_INPUT_KEY", "always", id="one-of-the-places"),
    ],
)
def test_a_wrong_value_names_its_setting_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    told = refusal()
    assert told.startswith(f"{name}: found {repr(value)[:80]}; ")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        pytest.param(
            "ONCOSTREAM_TRIGGER_NEWEST", '{"clinical": 5}', "NEWEST: found {'clinical': 5}; ", id="half-a-table"
        ),
        pytest.param("ONCOSTREAM_TRIGGER_REQUIRED", "clinical", "REQUIRED: found no JSON; wanted a list", id="no-json"),
        pytest.param(
            "ONCOSTREAM_TRIGGER_NEWEST",
            '{"clinical": 0, "imaging": 1, "genomic": 1}',
            "NEWEST (clinical): found 0; ",
            id="none-of-a-modality",
        ),
        pytest.param(
            "ONCOSTREAM_TRIGGER_SHELF_LIFE",
            '{"clinical": "P1D", "imaging": "-P1D", "genomic": "P1D"}',
            "SHELF_LIFE (imaging): found '-P1D'; ",
            id="stale-from-the-first",
        ),
    ],
)
def test_a_wrong_table_names_its_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: str) -> None:
    monkeypatch.setenv(name, value)
    told = refusal()
    assert told.startswith((f"{name}: ", f"{name} ("))
    assert wanted in told


@pytest.mark.parametrize(("name", "of_imaging"), [("newest", "5"), ("shelf_life", '"P5D"')])
def test_half_a_table_says_what_it_lacks(config: Path, name: str, of_imaging: str) -> None:
    config.write_text(f"[trigger.{name}]\nimaging = {of_imaging}\n")
    assert refusal().startswith(f"ONCOSTREAM_TRIGGER_{name.upper()}: found ")
    assert "lacks clinical, genomic" in refusal()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param("[kafak]\npartitions = 3", "[kafak]; wanted one of input, kafka", id="unknown-table"),
        pytest.param("[kafka]\npartitons = 3", "PARTITONS: found 3; there is no setting", id="unknown-name"),
        pytest.param("[kafka]\npartitions = 0", "ONCOSTREAM_KAFKA_PARTITIONS: found 0", id="wrong-value"),
        pytest.param("partitions = 3", "[partitions]", id="a-value-outside-a-table"),
        pytest.param("kafka = 3", "[kafka]", id="a-value-where-a-table-is-wanted"),
        pytest.param("[kafka", "wanted a readable TOML file", id="not-toml"),
        pytest.param("# \udcff", "wanted a readable TOML file", id="not-utf-8"),
    ],
)
def test_a_wrong_toml_file_says_what_is_wrong(config: Path, content: str, told: str) -> None:
    config.write_text(content, encoding="utf-8", errors="surrogateescape")
    assert told in refusal()


def test_an_absent_toml_file_is_said_to_be_absent(config: Path) -> None:
    config.unlink()
    assert f"ONCOSTREAM_CONFIG: found {config}" in refusal()


def test_a_password_is_never_shown(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(f'[kafka]\npassword = ["{SECRET}"]', encoding="utf-8")
    assert "found a secret" in refusal()
    assert SECRET not in refusal()
    config.write_text(f'[kafka]\npasswort = "{SECRET}"', encoding="utf-8")
    assert refusal().startswith("ONCOSTREAM_KAFKA_PASSWORT: found a secret; ")
    config.write_text(f'[places]\nredis = ["redis://us:{SECRET}@cache"]', encoding="utf-8")
    assert refusal().startswith("ONCOSTREAM_REDIS: found a secret; ")
    config.write_text("", encoding="utf-8")
    monkeypatch.setenv("ONCOSTREAM_KAFKA_PASSWORD", SECRET)
    settings = read_settings()
    assert SECRET not in repr(settings)
    assert password(settings.kafka) == SECRET


@pytest.mark.parametrize(
    "url",
    [
        "cache",
        "",
        "http://cache",
        f"redis://us:{SECRET}/x@cache:1",
        "redis://cache:port/0",
        f"redis://cache/0?pass={SECRET}",
    ],
)
def test_a_wrong_url_of_redis_names_the_right_ones_and_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("ONCOSTREAM_REDIS", url)
    told = refusal()
    assert told.startswith("ONCOSTREAM_REDIS: found a secret; ")
    assert "redis://host:port/0" in told
    assert SECRET not in told


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_the_certificates_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv("ONCOSTREAM_KAFKA_SECURITY", "SSL")
    monkeypatch.setenv("ONCOSTREAM_KAFKA_CA_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(WrongSettings, match=r"ONCOSTREAM_KAFKA_CA_FILE: found .*; wanted a readable file"):
        ssl_context(read_settings().kafka)


def test_a_password_that_would_be_sent_in_the_clear_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCOSTREAM_KAFKA_MECHANISM", "PLAIN")
    monkeypatch.setenv("ONCOSTREAM_KAFKA_SECURITY", "SASL_SSL")
    assert read_settings().kafka.mechanism == "PLAIN"
    monkeypatch.setenv("ONCOSTREAM_KAFKA_SECURITY", "SASL_PLAINTEXT")
    with pytest.raises(
        WrongSettings, match=r"ONCOSTREAM_KAFKA_MECHANISM: .*in the clear; set ONCOSTREAM_KAFKA_SECURITY"
    ):
        read_settings()


def test_the_file_of_a_password_wins_and_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    monkeypatch.setenv("ONCOSTREAM_KAFKA_PASSWORD", "another")
    monkeypatch.setenv("ONCOSTREAM_KAFKA_PASSWORD_FILE", str(file))
    settings = read_settings().kafka
    assert password(settings) == SECRET
    file.unlink()
    with pytest.raises(WrongSettings, match="ONCOSTREAM_KAFKA_PASSWORD_FILE"):
        password(settings)


PATHS = [
    ("ONCOSTREAM_HOME", lambda settings: settings.places.home, Path.home() / ".oncostream"),
    ("ONCOSTREAM_BACKBONES", lambda settings: settings.places.backbones, None),
    ("ONCOSTREAM_NOTES_ENCODER", lambda settings: settings.places.notes_encoder, None),
    ("ONCOSTREAM_KAFKA_CA_FILE", lambda settings: settings.kafka.ca_file, None),
    ("ONCOSTREAM_KAFKA_PASSWORD_FILE", lambda settings: settings.kafka.password_file, None),
]


@pytest.mark.parametrize(("name", "read", "unset"), PATHS)
def test_a_path_may_begin_at_ones_home_and_an_empty_one_is_none(
    monkeypatch: pytest.MonkeyPatch, name: str, read: Callable[[Settings], Path | None], unset: Path | None
) -> None:
    monkeypatch.setenv(name, "~/x")
    assert read(read_settings()) == Path.home() / "x"
    monkeypatch.setenv(name, "")
    assert read(read_settings()) == unset
    monkeypatch.setenv(name, "~nobody-is-called-so/x")
    assert refusal().startswith(f"{name}: found ")
    assert "nobody of that name has a home here" in refusal()


def test_an_empty_path_of_the_environment_leaves_the_one_of_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('[places]\nhome = "~/of-the-file"\n', encoding="utf-8")
    monkeypatch.setenv("ONCOSTREAM_HOME", "")
    assert read_settings().places.home == Path.home() / "of-the-file"
    assert "home" in read_settings().places.model_fields_set
    config.write_text('[places]\nhome = ""\n', encoding="utf-8")
    assert read_settings().places.home == Path.home() / ".oncostream"


def test_the_network_and_the_file_of_settings_may_be_in_ones_home(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(config.parent))
    monkeypatch.setenv("ONCOSTREAM_CONFIG", f"~/{config.name}")
    monkeypatch.setenv("ONCOSTREAM_MODEL", "~/network")
    assert read_settings().kafka.partitions == 6
    assert read_settings().places.model == str(config.parent / "network")
    monkeypatch.setenv("ONCOSTREAM_CONFIG", "")
    assert read_settings().kafka.partitions == 12

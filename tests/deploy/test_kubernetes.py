"""What kustomize makes of deploy/kubernetes, held against the settings, the web page and the worker that it runs."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from aiohttp import ClientSession

from agents.allowed import file_rules
from agents.wiring import HEAVY, ROLES
from agents.worker import GONE_WITHIN_SECONDS
from deploy.local.ports import free_port
from streams.settings import WebSettings, read_settings
from streams.web import Web

KUBERNETES = Path(__file__).parents[2] / "deploy/kubernetes"
BUILT = ("base", "overlays/example")
OF_OTHERS = {"OMP_NUM_THREADS", "ONCOSTREAM_CONFIG"}
"""Variables that are no setting of a concern."""
DOCTOR = "topics"

Thing = dict[str, Any]


@cache
def built(which: str) -> list[Thing]:
    kubectl = Path(sys.executable).parent / "kubectl"
    ran = subprocess.run([kubectl, "kustomize", KUBERNETES / which], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    return list(yaml.safe_load_all(ran.stdout))


def of_kind(which: str, kind: str) -> list[Thing]:
    return [thing for thing in built(which) if thing["kind"] == kind]


def pods() -> Iterator[Any]:
    """Every pod's template, of every build, with the role in it."""
    for which in BUILT:
        for thing in of_kind(which, "Deployment") + of_kind(which, "Job"):
            template = thing["spec"]["template"]
            role = template["metadata"]["labels"]["app.kubernetes.io/component"]
            yield pytest.param(which, role, template, id=f"{which}-{role}")


every_pod = pytest.mark.parametrize(("which", "role", "template"), list(pods()))


def container(template: Thing) -> Thing:
    (one,) = template["spec"]["containers"]
    return dict(one)


def env_of(which: str, template: Thing) -> dict[str, str]:
    of_name = {thing["metadata"]["name"]: thing["data"] for thing in of_kind(which, "ConfigMap")}
    one = container(template)
    env: dict[str, str] = {}
    for source in one["envFrom"]:
        env |= of_name[source["configMapRef"]["name"]]
    return env | {each["name"]: each["value"] for each in one.get("env", [])}


@pytest.mark.parametrize("which", BUILT)
def test_every_object_is_as_kubernetes_wants_it(which: str) -> None:
    version = kubernetes_validate.latest_version()
    for thing in built(which):
        kubernetes_validate.validate(thing, version, strict=True)


@pytest.mark.parametrize("which", BUILT)
def test_every_role_has_one_deployment_and_one_budget(which: str) -> None:
    deployments = of_kind(which, "Deployment")
    run = [container(each["spec"]["template"])["args"] for each in deployments]
    assert sorted(run) == sorted(["run", "--role", role] for role in ROLES)
    for each, (*_, role) in zip(deployments, run, strict=True):
        assert each["metadata"]["name"] == f"oncostream-{role}"
        labels = each["spec"]["template"]["metadata"]["labels"]
        selectors = [each["spec"]["selector"]["matchLabels"] for each in of_kind(which, "PodDisruptionBudget")]
        assert labels["app.kubernetes.io/component"] == role
        assert sum(selector.items() <= labels.items() for selector in selectors) == 1


@every_pod
def test_every_variable_is_a_setting_that_can_be_read(
    which: str, role: str, template: Thing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env = env_of(which, template)
    concerns = [type(each) for each in vars(read_settings()).values()]
    known = {f"{one.model_config['env_prefix']}{field}".upper() for one in concerns for field in one.model_fields}
    assert env.keys() <= known | OF_OTHERS
    secret = tmp_path / Path(env["ONCOSTREAM_CONFIG"]).name  # as somebody makes it from the example
    secret.write_bytes((KUBERNETES / "overlays/example/settings.toml.example").read_bytes())
    for name, value in (env | {"ONCOSTREAM_CONFIG": str(secret)}).items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.places.redis.startswith("rediss://")
    assert bool(file_rules(settings).allowed_folders) == (role in (*HEAVY, DOCTOR))


@every_pod
def test_every_path_in_a_variable_is_mounted(which: str, role: str, template: Thing) -> None:
    mounts = [Path(each["mountPath"]) for each in container(template)["volumeMounts"]]
    for name, value in env_of(which, template).items():
        if value.startswith("/"):
            assert any(Path(value).is_relative_to(mount) for mount in mounts), name


@every_pod
def test_no_secret_is_in_the_environment(which: str, role: str, template: Thing) -> None:
    assert not of_kind(which, "Secret")
    for name, value in env_of(which, template).items():
        assert "PASSWORD" not in name or name.endswith("_FILE")
        assert all(urlsplit(each).password is None for each in value.split(",")), name


@every_pod
def test_no_pod_is_without_the_restricted_standard(which: str, role: str, template: Thing) -> None:
    spec, one = template["spec"], container(template)
    assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@every_pod
def test_only_bounded_folders_can_be_written(which: str, role: str, template: Thing) -> None:
    volumes = {each["name"]: each for each in template["spec"]["volumes"]}
    mounts = container(template)["volumeMounts"]
    writable = {each["mountPath"]: volumes[each["name"]] for each in mounts if not each.get("readOnly")}
    assert writable.keys() == {"/tmp", env_of(which, template)["ONCOSTREAM_HOME"]}
    assert all(each["emptyDir"]["sizeLimit"] for each in writable.values())
    assert ("files" in volumes) == (role in (*HEAVY, DOCTOR))


@every_pod
def test_a_file_over_the_limit_does_not_fill_tmp(which: str, role: str, template: Thing) -> None:
    (tmp,) = (each["emptyDir"]["sizeLimit"] for each in template["spec"]["volumes"] if each["name"] == "tmp")
    limit = env_of(which, template).get("ONCOSTREAM_INPUT_MAX_FILE_BYTES")
    assert (limit is None) == (role not in (*HEAVY, DOCTOR))
    assert limit is None or int(limit) < int(tmp.removesuffix("Gi")) * 2**30


@every_pod
def test_memory_is_bounded_and_a_stop_has_the_time_it_takes(which: str, role: str, template: Thing) -> None:
    assert container(template)["resources"]["limits"].keys() == {"memory"}
    assert container(template)["resources"]["requests"].keys() == {"cpu", "memory"}
    assert template["spec"]["terminationGracePeriodSeconds"] > GONE_WITHIN_SECONDS


@every_pod
def test_the_network_policy_is_for_every_pod(which: str, role: str, template: Thing) -> None:
    labels = template["metadata"]["labels"].items()
    policies = {
        each["metadata"]["name"]
        for each in of_kind(which, "NetworkPolicy")
        if each["spec"]["podSelector"]["matchLabels"].items() <= labels
    }
    assert policies == {"oncostream", *(["oncostream-files"] if role in (*HEAVY, DOCTOR) else [])}


@pytest.mark.parametrize("which", BUILT)
def test_probes_ask_what_the_web_page_answers_where_it_listens(which: str) -> None:
    asked = set()
    for each in of_kind(which, "Deployment"):
        template = each["spec"]["template"]
        one = container(template)
        (listening,) = one["ports"]
        assert listening == {"name": "web", "containerPort": int(env_of(which, template)["ONCOSTREAM_WEB_PORT"])}
        probes = {name: one[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
        assert [probes[name]["path"] for name in probes] == ["/health", "/health", "/ready"]
        assert {probe["port"] for probe in probes.values()} == {"web"}
        asked |= {probe["path"] for probe in probes.values()}
        (service,) = of_kind(which, "Service")
        assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        assert [port["port"] for port in service["spec"]["ports"]] == [listening["containerPort"]]
    assert asyncio.run(answers(asked)) == {200}


async def answers(paths: set[str]) -> set[int]:
    web: Any = Web(WebSettings(port=free_port()), [], lambda: True)
    await web.start()
    try:
        async with ClientSession() as session:
            here = web.address.removesuffix("/metrics")
            return {(await session.get(here + path)).status for path in paths}
    finally:
        await web.stop()


@pytest.mark.parametrize("which", BUILT)
def test_a_rollout_never_has_more_workers_than_partitions(which: str) -> None:
    for each in of_kind(which, "Deployment"):
        env = env_of(which, each["spec"]["template"])
        assert each["spec"]["replicas"] <= int(env.get("ONCOSTREAM_KAFKA_PARTITIONS", read_settings().kafka.partitions))
        assert each["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0


@pytest.mark.parametrize("which", BUILT)
def test_spreading_names_no_label_twice(which: str) -> None:
    """The API server refuses a key that is in both; no schema says so."""
    for each in of_kind(which, "Deployment"):
        for spread in each["spec"]["template"]["spec"]["topologySpreadConstraints"]:
            assert not set(spread["matchLabelKeys"]) & set(spread["labelSelector"]["matchLabels"])


@every_pod
def test_every_image_has_a_version(which: str, role: str, template: Thing) -> None:
    name, _, tag = container(template)["image"].rpartition(":")
    assert name
    assert tag not in ("", "latest")
    assert ("/" in name) == (which != "base")  # the overlay's, for all of them


@pytest.mark.parametrize("which", BUILT)
def test_one_job_makes_the_topics(which: str) -> None:
    (job,) = of_kind(which, "Job")
    assert container(job["spec"]["template"])["args"] == ["doctor", "--create-topics"]

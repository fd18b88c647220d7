"""The chart renders what Kubernetes takes, refuses what would be wrong, and leaves nothing unsafe."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from prometheus_client import REGISTRY
from tests.helm.conftest import CHART, EXAMPLES, Helm, Object, named, pod_of, title_of

import lse.platform.catalogue.operations
import lse.platform.operations.runner
import lse.platform.rpc.interceptors
import lse.platform.rpc.readiness
from lse.platform.config import SECRETS, load_settings
from lse.server import SERVICES

Render = Callable[..., list[Object]]
GOLDEN = Path(__file__).with_name("golden")
# All that can be switched on together.
EVERYTHING = (
    *("--set", "triton.enabled=true,storage.models.enabled=true,triton.autoscaling.enabled=true"),
    *("--set", "services.autoscaling.enabled=true,explorer.autoscaling.enabled=true"),
    *("--set", "compute.gpuWorkers.replicas=2,compute.workers.autoscaling.enabled=true,compute.tlsSecret=dask"),
    *("--set", "router.tls.secretName=router,config.address=https://services.example.org:443"),
)
RENDERINGS = [*((example,) for example in EXAMPLES), ("institute", *EVERYTHING), ("jupyterhub", *EVERYTHING)]
IDS = [f"{one[0]}, all" if len(one) > 1 else one[0] for one in RENDERINGS]
OF_OTHERS = ("monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1")


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    for each in objects:
        template = pod_of(each)
        if template is not None:
            yield title_of(each), template


def containers(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    for title, template in pods(objects):
        for container in [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]:
            yield f"{title}/{container['name']}", container


@pytest.mark.parametrize("example", EXAMPLES)
def test_helm_finds_no_fault(helm: Helm, example: str) -> None:
    done = helm("lint", "--strict", CHART, "--values", CHART / "examples" / f"{example}.yaml")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("version", ["1.25", "1.34"])
@pytest.mark.parametrize("rendering", RENDERINGS, ids=IDS)
def test_kubernetes_knows_every_field(render: Render, rendering: tuple[str, ...], version: str) -> None:
    for each in render(*rendering):
        if each["apiVersion"] not in OF_OTHERS:
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("rendering", RENDERINGS, ids=IDS)
def test_pods_keep_to_the_level_restricted(render: Render, rendering: tuple[str, ...]) -> None:
    objects = render(*rendering)
    for title, template in pods(objects):
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, title
        assert spec["enableServiceLinks"] is False, title
        assert spec["securityContext"]["runAsNonRoot"] is True, title
        assert spec["securityContext"]["runAsUser"] >= 999, title
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, title
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), title
        assert not any("hostPath" in volume for volume in spec.get("volumes", [])), title
    for title, container in containers(objects):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, title
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, title
        assert "memory" in container["resources"]["limits"], title
        assert not any("hostPort" in port for port in container.get("ports", [])), title
        assert not re.search(r"(:latest|/[^:]*)$", container["image"].rpartition("/")[2]), title


def test_only_a_try_out_has_a_container_of_root(render: Render) -> None:
    objects = render("kind", "--set", "storage.takeOwnership=true")
    as_root = {title for title, container in containers(objects) if container["securityContext"].get("runAsUser") == 0}
    assert {title.rpartition("/")[2] for title in as_root} == {"take-ownership"}
    assert len(as_root) == 4


@pytest.mark.parametrize("rendering", RENDERINGS, ids=IDS)
def test_what_runs_on_has_probes_and_time_to_end(render: Render, rendering: tuple[str, ...]) -> None:
    for each in render(*rendering):
        template = pod_of(each)
        if template is None or each["kind"] in {"Job", "CronJob"}:
            continue
        for container in template["spec"]["containers"]:
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys(), title_of(each)
            pause = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["", "0"])[1]
            drain = 20 if template["metadata"]["labels"].get("lse/serves") else 0
            assert template["spec"]["terminationGracePeriodSeconds"] >= int(pause) + drain + 10, title_of(each)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_settings_are_those_of_the_application(render: Render, tmp_path: Path, example: str) -> None:
    file = tmp_path / "lse.yaml"
    file.write_text(named(render(example), "ConfigMap", "lse-config")["data"]["lse.yaml"])
    settings = load_settings(config=file)
    assert settings.host == "0.0.0.0"
    assert (settings.grpc_port, settings.metrics_port, settings.dashboard_port) == (50051, 9000, 5006)
    assert not SECRETS & settings.model_fields_set
    keys = yaml.safe_load((CHART / "examples" / f"{example}.yaml").read_text()).get("config", {})
    assert keys.items() <= {key: _plain(getattr(settings, key)) for key in keys}.items()


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("rendering", RENDERINGS, ids=IDS)
def test_secrets_come_by_reference(render: Render, rendering: tuple[str, ...]) -> None:
    objects = render(*rendering)
    assert "Secret" not in {each["kind"] for each in objects}
    for title, container in containers(objects):
        for variable in container.get("env", []):
            if re.search(r"PASSWORD|KEY|TOKEN|SECRET", variable["name"]):
                assert "secretKeyRef" in variable["valueFrom"], f"{title} {variable['name']}"


@pytest.mark.parametrize("rendering", [one for one in RENDERINGS if one[0] != "kind"])
def test_one_network_policy_covers_each_pod(render: Render, rendering: tuple[str, ...]) -> None:
    objects = render(*rendering)
    policies = [each for each in objects if each["kind"] == "NetworkPolicy"]
    for title, template in pods(objects):
        labels = template["metadata"]["labels"]
        covering = [policy for policy in policies if _selects(policy["spec"]["podSelector"], labels)]
        assert len(covering) == 1, f"{title}: {[title_of(each) for each in covering]}"
        assert covering[0]["spec"]["policyTypes"] == ["Ingress", "Egress"]


def _selects(selector: Object, labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", [])
    )


@pytest.mark.parametrize("rendering", RENDERINGS, ids=IDS)
def test_selectors_find_the_pods_that_they_mean(render: Render, rendering: tuple[str, ...]) -> None:
    objects = render(*rendering)
    found = [(template["metadata"]["labels"], template["spec"]) for _, template in pods(objects)]
    for each in objects:
        if each["kind"] in {"Service", "PodDisruptionBudget"}:
            selector = each["spec"]["selector"]
            labels = selector.get("matchLabels", selector)
            matching = [spec for have, spec in found if labels.items() <= have.items()]
            assert len(matching) == 1, title_of(each)
            if each["kind"] == "Service":
                ports = {port["name"] for container in matching[0]["containers"] for port in container["ports"]}
                assert {port.get("targetPort", port["name"]) for port in each["spec"]["ports"]} <= ports, title_of(each)


def test_replicas_have_budgets_and_spread(render: Render) -> None:
    objects = render("institute")
    several = [
        each
        for each in objects
        if each["kind"] in {"Deployment", "StatefulSet"} and each["spec"].get("replicas", 2) > 1
    ]
    assert len(several) == len(SERVICES) + 4
    for each in several:
        name = each["metadata"]["name"]
        assert named(objects, "PodDisruptionBudget", name)["spec"]["maxUnavailable"] == 1
        assert (
            each["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"
        )


def test_every_service_is_served_once_and_routed_to(render: Render) -> None:
    for example in ("kind", "institute"):
        objects = render(example)
        served = {
            service: title_of(each).partition("/")[2]
            for each in objects
            if each["kind"] == "StatefulSet" and each["spec"]["template"]["metadata"]["labels"].get("lse/serves")
            for service in each["spec"]["template"]["spec"]["containers"][0]["args"][1:]
        }
        assert set(served) == set(SERVICES)
        routes = named(objects, "ConfigMap", "lse-router")["data"]["nginx.conf"]
        for service, target in served.items():
            assert f"location /latentspace.{service}. {{ grpc_pass grpc://{target}:50051; }}" in routes
            assert f"location /latentspace.{service}. {{ proxy_pass http://{target}:50080; }}" in routes
    routed = named(render("gpu-cloud"), "GRPCRoute", "lse-router")["spec"]["rules"]
    methods = {match["method"]["service"] for rule in routed for match in rule.get("matches", [])}
    assert methods == {f"latentspace.{service}.v1.{service.capitalize()}Service" for service in SERVICES}
    by_http = named(render("gpu-cloud"), "HTTPRoute", "lse-router")["spec"]["rules"]
    assert {match["path"]["value"] for rule in by_http for match in rule.get("matches", [])} == {
        f"/{method}" for method in methods
    }


def test_networks_are_loaded_only_where_torch_is(render: Render) -> None:
    images = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[0]
        for each in render("institute")
        if each["kind"] == "StatefulSet"
    }
    with_torch = {name for name, image in images.items() if image.endswith("-worker")}
    assert with_torch == {"lse-training", "lse-explanation"}


def test_services_get_the_secret_that_they_sign_with_as_a_file(render: Render) -> None:
    objects = render("institute")
    settings = yaml.safe_load(named(objects, "ConfigMap", "lse-config")["data"]["lse.yaml"])
    path = Path(settings["service_key_file"])
    for each in objects:
        template = pod_of(each)
        if template is None or each["kind"] in {"Job", "CronJob"}:
            continue
        mounts = {mount["mountPath"] for mount in template["spec"]["containers"][0]["volumeMounts"]}
        assert (str(path.parent) in mounts) == ("lse/serves" in template["metadata"]["labels"]), title_of(each)


def test_gpus_are_asked_for_where_they_are_used(render: Render) -> None:
    objects = render("gpu-cloud")
    for name in ("lse-triton", "lse-gpu-worker"):
        spec = named(objects, "Deployment", name)["spec"]["template"]["spec"]
        assert spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
        assert spec["nodeSelector"] == {"accelerator": "nvidia"}
        assert spec["tolerations"][0]["key"] == "nvidia.com/gpu"
    triton = named(objects, "Deployment", "lse-triton")["spec"]["template"]["spec"]["containers"][0]
    assert triton["args"][:2] == ["--model-repository=s3://latent-space-models/lse", "--model-control-mode=explicit"]
    assert {each["name"] for each in triton["env"]} == {"HOME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert named(objects, "Deployment", "lse-gpu-worker")["spec"]["template"]["spec"]["containers"][0]["image"] == (
        "registry.example.org/lse-worker:0.1.0-gpu"
    )


def test_collections_have_copies_where_qdrant_has_nodes(render: Render) -> None:
    settings = yaml.safe_load(named(render("institute"), "ConfigMap", "lse-config")["data"]["lse.yaml"])
    assert (settings["vectors_replicas"], settings["vectors_shards"]) == (2, 3)
    budget = named(render("institute"), "PodDisruptionBudget", "lse-vectors")
    assert budget["spec"]["maxUnavailable"] == 1


def test_the_schema_is_migrated_before_anything_new_starts(render: Render) -> None:
    job = named(render("institute"), "Job", "lse-migration")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert pod_of(job)["spec"]["volumes"][0]["configMap"]["name"] == "lse-migration"  # type: ignore[index]
    # The database of the chart itself is not there before the release is.
    assert "annotations" not in named(render("kind"), "Job", "lse-migration-1")["metadata"]


def test_a_restore_stops_everything_but_the_stores(render: Render) -> None:
    objects = render("jupyterhub", "--set", "restore.dump=20261130T021700Z.dump")
    replicas = {
        each["metadata"]["name"]: each["spec"]["replicas"]
        for each in objects
        if each["kind"] in {"Deployment", "StatefulSet"}
    }
    running = {name for name, count in replicas.items() if count}
    assert running == {"lse-postgresql", "lse-vectors", "lse-router", "lse-scheduler"}
    assert not any(each["kind"] == "CronJob" for each in objects)
    (script,) = pod_of(named(objects, "Job", "lse-restore-1"))["spec"]["initContainers"][0]["args"]  # type: ignore[index]
    assert script.endswith("/data/backup/catalogue/20261130T021700Z.dump")


def test_older_kubernetes_gets_the_versions_that_it_knows(render: Render) -> None:
    old = named(render("institute", "--kube-version", "1.20.2"), "CronJob", "lse-backup")
    assert old["apiVersion"] == "batch/v1beta1"
    assert named(render("institute"), "CronJob", "lse-backup")["apiVersion"] == "batch/v1"


def metrics_of(objects: list[Object]) -> set[str]:
    rules = [each for each in objects if each["kind"] == "PrometheusRule"]
    text = json.dumps(rules) + named(objects, "ConfigMap", "lse-dashboard")["data"]["latent-space-explorer.json"]
    return set(re.findall(r"\b(?:lse|dask|kubelet|nv)_\w+", text))


def test_alerts_and_dashboard_ask_for_metrics_that_exist(render: Render) -> None:
    ours = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    # A counter or histogram with labels has no sample before its first use.
    ours |= {f"{family.name}{end}" for family in REGISTRY.collect() for end in ("", "_total", "_bucket")}
    dask = {"dask_scheduler_workers"}
    kubelet = {"kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"}
    asked = metrics_of(render("institute"))
    assert len(asked) >= 9
    assert asked <= ours | dask | kubelet
    assert lse.platform.rpc.interceptors
    assert lse.platform.operations.runner
    assert lse.platform.catalogue.operations
    assert lse.platform.rpc.readiness


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("services.replicaCount=2", "replicaCount"),
        ("unknown=1", "unknown"),
        ("services.layout=both", "layout"),
        ("services.overrides.trainig.replicas=2", "trainig"),
        ("router.replicas=0", "replicas"),
        ("vectors.size=lots", "size"),
        ("config.Grpc-Port=1", "Grpc-Port"),
        ("explorer.ingress.enabled=true", "host"),
        ("router.kind=gateway", "parentRefs"),
        ("restore.dump=../../etc/passwd", "dump"),
        ("secretEnvironment.PGPASSWORD=hunter2", "PGPASSWORD"),
        ("config.vectors_api_key=hunter2", "config.vectors_api_key is a secret"),
        ("config.token=hunter2", "config.token is a secret"),
        ("config.catalogue_url=postgresql+psycopg://lse:hunter2@db/lse", "has a password"),
        ("postgresql.enabled=false", "config.catalogue_url is missing"),
        ("postgresql.passwordSecret.name=", "postgresql.passwordSecret.name is missing"),
        ("vectors.replicas=2", "vectors kind edge is one pod"),
        ("triton.enabled=true", "Triton needs a model repository"),
        ("backup.enabled=true", "backup.claim is missing"),
        ("router.tls.secretName=t", "config.address is missing"),
    ],
)
def test_wrong_values_are_refused_with_their_name(helm: Helm, values: str, said: str) -> None:
    done = helm("template", "lse", CHART, "--values", CHART / "examples" / "kind.yaml", "--set", values)
    assert done.returncode != 0
    assert said.replace("vectors kind", "vectors.kind") in done.stderr
    assert "hunter2" not in done.stderr


def test_what_is_installed_without_values_is_said_to_be_incomplete(helm: Helm) -> None:
    done = helm("template", "lse", CHART)
    assert done.returncode != 0
    assert "config.catalogue_url is missing: name what lies outside the release" in done.stderr


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_is_rendered_is_what_was_looked_at(render: Render, example: str, request: pytest.FixtureRequest) -> None:
    """What each example installs, in short; `UPDATE_GOLDEN=1` writes the files anew, to be looked at."""
    import os

    lines = []
    for each in render(example):
        template = pod_of(each)
        lines.append(title_of(each))
        if template is not None:
            lines += [f"  {key}: {each['spec'][key]}" for key in ("replicas", "schedule") if key in each["spec"]]
            for container in [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]:
                said = [*container.get("command", []), *container.get("args", [])]
                lines.append(f"  {container['name']}: {container['image']} {' '.join(said)}".rstrip())
                lines += [f"    {name}" for name in sorted(each["name"] for each in container.get("env", []))]
        elif each["kind"] == "ConfigMap" and "lse.yaml" in each["data"]:
            lines += [f"  {line}" for line in each["data"]["lse.yaml"].splitlines()]
    text = "\n".join(lines) + "\n"
    golden = GOLDEN / f"{example}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert golden.read_text() == text

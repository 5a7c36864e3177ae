"""What deploy/ has besides proxies: units, images, manifests, as far as they can be tried without a cluster."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.fronts import DEPLOY, changed

from everywire.cli import commands
from everywire.cli.settled import defaults, name_options
from everywire.configuration import Configuration
from everywire.servers.options import Options

YAML = sorted(DEPLOY.rglob("*.yaml"))
DOCKERFILE = (DEPLOY / "docker/Dockerfile").read_text()
AFTER = 4  # seconds that the supervisor gives its processes beyond --grace
IDLE = Options().idle_timeout


def test_each_yaml_file_is_yaml():
    assert len(YAML) == 4
    for path in YAML:
        assert all(isinstance(each, dict) for each in yaml.safe_load_all(path.read_text())), path


def taken(command: str) -> dict[str, Any]:
    """Give the options of an `everywire run …` as the command line takes them."""
    words = shlex.split(command)
    assert Path(words[0]).name == "everywire"
    name_options(commands)
    return commands.commands[words[1]].make_context(words[1], words[2:]).params


# systemd


@pytest.fixture
def units(tmp_path):
    for name in ("live.service", "live.socket"):
        text = (DEPLOY / "systemd" / name).read_text()
        program = {"/srv/live/.venv/bin/everywire": "/bin/true"} if name.endswith("service") else {}
        (tmp_path / name).write_text(changed(text, program))
    return tmp_path


def test_systemd_understands_the_units(units):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    command = ["systemd-analyze", "verify", "--man=no", "./live.service", "./live.socket"]
    done = subprocess.run(command, cwd=units, capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in done.stderr.splitlines() if "live." in line]
    assert (done.returncode, said) == (0, [])


def test_the_service_waits_longer_than_its_end_takes():
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "systemd/live.service")
    service = unit["Service"]
    assert int(service["TimeoutStopSec"]) > taken(service["ExecStart"])["grace"] + AFTER
    assert service["Type"] == "notify"
    assert "EVERYWIRE_SECRET_FILE=%d/secret" in service["Environment"]


# Docker


def test_the_image_runs_as_nobody_special_and_says_how_it_is():
    stages = DOCKERFILE.split("FROM ")[1:]
    assert len(stages) == 2
    last = [line.split(maxsplit=1) for line in stages[1].splitlines() if re.match("[A-Z]+ ", line)]
    said = dict(last[1:])
    assert said["USER"] == "10001"
    assert "gcc" not in stages[1]
    assert taken(" ".join(re.findall('"([^"]+)"', said["CMD"])))["workers"] == 2
    assert "/readyz" in stages[1][stages[1].index("HEALTHCHECK") :]


def test_secrets_stay_out_of_the_image():
    ignored = (DEPLOY / "docker/Dockerfile.dockerignore").read_text().splitlines()
    secret = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())["secrets"]["everywire"]["file"]
    assert f"**/{Path(secret).name}" in ignored
    assert "deploy" in ignored


def test_the_images_variables_are_options(tmp_path):
    told = dict(each.split("=") for each in re.findall(r"EVERYWIRE_RUN\w+=\S+", DOCKERFILE))
    assert told == {"EVERYWIRE_RUN_HOST": "0.0.0.0", "EVERYWIRE_RUN_LOG": "json"}
    defaults(commands, Configuration.found(told, tmp_path), told)


def test_compose_gives_it_time_to_end():
    live = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())["services"]["live"]
    assert (DEPLOY / "docker" / live["build"]["context"] / live["build"]["dockerfile"]).exists()
    command = " ".join(re.findall('"([^"]+)"', DOCKERFILE[DOCKERFILE.rindex("CMD [") :]))
    assert int(live["stop_grace_period"].removesuffix("s")) > taken(command)["grace"] + AFTER
    assert Configuration.found(
        {"EVERYWIRE_HUB__TRUSTED_PROXIES": live["environment"]["EVERYWIRE_HUB__TRUSTED_PROXIES"]}
    )


# Kubernetes


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    read = yaml.safe_load_all((DEPLOY / "kubernetes/live.yaml").read_text())
    return {each["kind"]: each for each in read}


def test_each_manifest_is_of_a_kind_and_refers_to_what_there_is(manifests):
    versions = {kind: each["apiVersion"] for kind, each in manifests.items()}
    assert versions == {
        "ConfigMap": "v1",
        "PersistentVolumeClaim": "v1",
        "Deployment": "apps/v1",
        "Service": "v1",
        "Ingress": "networking.k8s.io/v1",
    }
    spec = manifests["Deployment"]["spec"]
    pod, [container] = spec["template"], spec["template"]["spec"]["containers"]
    assert spec["selector"]["matchLabels"] == pod["metadata"]["labels"] == manifests["Service"]["spec"]["selector"]
    volumes = {each["name"] for each in pod["spec"]["volumes"]}
    assert {each["name"] for each in container["volumeMounts"]} == volumes
    ports = {each["name"] for each in container["ports"]}
    assert {each["targetPort"] for each in manifests["Service"]["spec"]["ports"]} == ports
    assert {container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness")} == {"/readyz"}
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_the_pods_settings_are_settings_and_leave_time_to_end(manifests, tmp_path):
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (tmp_path / "secret").write_text("s" * 32)
    text = manifests["ConfigMap"]["data"]["everywire.toml"]
    (tmp_path / "everywire.toml").write_text(changed(text, {"/run/secrets/live/secret": str(tmp_path / "secret")}))
    found = Configuration.found({}, tmp_path)
    run = defaults(commands, found, {})["run"]
    before = int(re.findall(r"sleep\((\d+)\)", pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1])[0])
    assert pod["terminationGracePeriodSeconds"] > before + run["grace"] + AFTER
    [container] = pod["containers"]
    assert taken(" ".join(container["args"][:2]) + " app:app")["target"] == "app:app"
    assert pod["securityContext"]["runAsUser"] == 10001


# Traefik


def test_traefiks_files_fit_together():
    static, live = [yaml.safe_load((DEPLOY / "traefik" / name).read_text()) for name in ("traefik.yaml", "live.yaml")]
    assert set(static) == {"entryPoints", "providers"}
    assert Path(static["providers"]["file"]["filename"]).name == "live.yaml"
    [router] = live["http"]["routers"].values()
    assert set(router["entryPoints"]) <= set(static["entryPoints"])
    service = live["http"]["services"][router["service"]]["loadBalancer"]
    assert "sticky" not in service
    assert live["http"]["serversTransports"][service["serversTransport"]]["forwardingTimeouts"]


# All proxies


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nginx/live.conf", r"keepalive 64;\s(?:.*\s)*?  keepalive_timeout (\d+)s;"),
        ("caddy/Caddyfile", r"keepalive (\d+)s"),
        ("traefik/live.yaml", r"idleConnTimeout: (\d+)s"),
    ],
)
def test_a_proxy_gives_up_an_idle_connection_before_the_server_does(path, said):
    """Else it sends a request while the server closes, and its client is told 502."""
    [seconds] = re.findall(said, (DEPLOY / path).read_text())
    assert 5 <= IDLE - int(seconds) <= 30


@pytest.mark.parametrize("path", ["haproxy/haproxy.cfg", "caddy/Caddyfile", "traefik/live.yaml"])
def test_the_only_server_is_not_checked(path):
    """A check that fails while the server is started again would have the proxy refuse those whose connections wait for it."""
    lines = (DEPLOY / path).read_text().splitlines()
    assert any("/readyz" in line for line in lines)
    assert not any("/readyz" in line or " check" in line for line in lines if not line.strip().startswith("#"))

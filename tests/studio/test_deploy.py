"""The files in deploy/ name what exists: variables, metrics, probes and images with a version."""

import json
import pathlib
import re

import yaml

from operations import metrics
from studio import probes

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
DOCUMENTED = set(re.findall(r"`([A-Z][A-Z_0-9]+)`", (DEPLOY.parent / "docs/operations.md").read_text()))
METRIC = re.compile(r"\blazuli_\w+")


def load(name: str) -> list[dict]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def read_variables(name: str) -> set[str]:
    lines = (DEPLOY / name).read_text().splitlines()
    return {found[1] for line in lines if (found := re.match(r"#? ?([A-Z_]+)=", line))}


def test_every_variable_is_a_setting():
    [settings] = [one for one in load("kubernetes.yaml") if one["kind"] == "ConfigMap"]
    [secret] = [one for one in load("kubernetes.yaml") if one["kind"] == "Secret"]
    of_compose = read_variables("compose.env.example") - {"STUDIO_HOST", "POSTGRES_PASSWORD"}
    for name, found in {
        "kubernetes.yaml": {*settings["data"], *secret["stringData"]},
        "compose.env.example": of_compose,
        "lazuli-studio.env.example": read_variables("lazuli-studio.env.example"),
    }.items():
        assert len(found) > 5 and found <= DOCUMENTED, (name, found - DOCUMENTED)


def test_every_image_has_a_version_and_no_service_more_rights_than_it_needs():
    [compose] = load("compose.yaml")
    [pod] = [one["spec"]["template"]["spec"] for one in load("kubernetes.yaml") if one["kind"] == "StatefulSet"]
    images = [service["image"] for service in compose["services"].values()]
    images += [container["image"] for container in pod["containers"]]
    images += re.findall(r"^FROM (\S+)", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    for image in images:
        assert re.search(r":\d[\w.-]*$", image), f"{image} has no version"
    [container] = pod["containers"]
    for of_studio in (
        compose["services"]["studio"]["read_only"],
        container["securityContext"]["readOnlyRootFilesystem"],
    ):
        assert of_studio is True
    # A tmpfs belongs to root: with another mode, jobs could not write to the home folder.
    assert "chmod 1777 /home/lazuli" in (DEPLOY / "Containerfile").read_text()
    assert compose["services"]["studio"]["tmpfs"] == [f"{path}:exec,mode=1777" for path in ("/tmp", "/home/lazuli")]
    assert compose["services"]["studio"]["cap_drop"] == ["ALL"] and pod["securityContext"]["runAsNonRoot"]
    for service in compose["services"].values():
        for port in service.get("ports", []):
            assert service["image"].startswith("caddy") or port.startswith("127.0.0.1:"), port


def test_probes_are_those_of_the_studio():
    for name in ("Containerfile", "kubernetes.yaml"):
        found = set(re.findall(r"/(?:\w+z)\b", (DEPLOY / name).read_text()))
        assert found and found <= probes.PATHS, name


def test_rules_and_dashboard_use_metrics_that_exist(db):
    exist = set(re.findall(r"# TYPE (\w+)", "".join(metrics.write_metrics())))
    [rules] = load("prometheus-rules.yaml")
    for rule in rules["groups"][0]["rules"]:
        assert set(METRIC.findall(rule["expr"])) <= exist, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning") and rule["annotations"]["summary"].endswith(".")
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
    shown = {name for panel in panels for target in panel["targets"] for name in METRIC.findall(target["expr"])}
    shown = {name.removesuffix("_bucket") for name in shown}
    assert shown == exist, shown ^ exist
    [prometheus] = load("prometheus.yaml")
    assert prometheus["rule_files"] == ["prometheus-rules.yaml"]


def test_proxies_require_https_for_a_year():
    for name in ("nginx.conf", "Caddyfile"):
        assert 'Strict-Transport-Security "max-age=31536000; includeSubDomains"' in (DEPLOY / name).read_text()


def test_proxies_speak_tls_of_today_and_redirect_no_token():
    nginx, caddy = (DEPLOY / "nginx.conf").read_text(), (DEPLOY / "Caddyfile").read_text()
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in nginx and "protocols tls1.2 tls1.3" in caddy
    ciphers = re.search(r"ssl_ciphers ([\w:-]+);", nginx)[1].split(":")
    assert ciphers and all(re.fullmatch(r"ECDHE-\w+-(AES\d+-GCM-SHA\d+|CHACHA20-POLY1305)", one) for one in ciphers)
    plain = nginx[nginx.index("listen 80;") :]
    # The first of both answers; nothing on this port reaches the studio.
    assert plain.index("if ($http_authorization) {") < plain.index("return 403") < plain.index("return 301 https://")
    assert "proxy_pass" not in plain
    plain = re.search(r"^http://\S+ \{\n(.*?)^\}", caddy, re.M | re.S)[1]
    assert "not header Authorization *" in plain and "redir @plain https://" in plain and "respond" in plain
    assert "reverse_proxy" not in plain


def test_proxies_pass_on_large_bodies_and_web_sockets():
    nginx, caddy = (DEPLOY / "nginx.conf").read_text(), (DEPLOY / "Caddyfile").read_text()
    for line in ("client_max_body_size 0;", "proxy_request_buffering off;", "proxy_set_header Upgrade $http_upgrade;"):
        assert line in nginx
    assert nginx.count("{") == nginx.count("}") and "flush_interval -1" in caddy and "max_size" not in caddy

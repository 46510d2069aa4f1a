"""SDK v1's services as the records that they are: deployed, found, changed and deleted; no node is there to run them."""

import json

import pytest
from azureml.core import Environment, Webservice
from azureml.core.compute import AksCompute, ComputeTarget
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AciWebservice, AksEndpoint, AksWebservice
from azureml.core.webservice.aks import AksEndpointDeploymentConfiguration
from azureml.exceptions import WebserviceException
from lazuli import cli
from lazuli.errors import NotAvailable, ServiceException


@pytest.fixture
def config(tmp_path) -> InferenceConfig:
    (tmp_path / "score.py").write_text("def init(): ...\ndef run(data): return data\n")
    return InferenceConfig(entry_script="score.py", source_directory=str(tmp_path), environment=Environment("e"))


@pytest.fixture
def deploy(ws, config, cluster):
    def deploy(settings, name="svc", **options):
        return Model.deploy(ws, name, [], config, settings, **options)

    return deploy


def test_a_service_is_found_by_its_class_kind_tags_and_properties(ws, deploy):
    one = deploy(
        AciWebservice.deploy_configuration(tags={"area": "a"}, properties={"p": "1"}, auth_enabled=True), "one"
    )
    two = deploy(AksWebservice.deploy_configuration(tags={"area": "b"}), "two")
    assert [type(found) for found in (one, two)] == [AciWebservice, AksWebservice]
    assert (one.state, one.compute_type, one.auth_enabled) == ("Transitioning", "ACI", True)
    assert {service.name for service in Webservice.list(ws)} == {"one", "two"}
    for options, names in [
        ({"tags": ["area"]}, {"one", "two"}),
        ({"tags": [["area", "b"]]}, {"two"}),
        ({"properties": ["p"]}, {"one"}),
        ({"compute_type": "aks"}, {"two"}),
        ({"model_name": "none"}, set()),
    ]:
        assert {service.name for service in Webservice.list(ws, **options)} == names, options
    assert set(ws.webservices) == {"one", "two"}
    again = AciWebservice.deserialize(ws, one.serialize())
    assert (again.name, again.tags, again.properties) == ("one", {"area": "a"}, {"p": "1"})
    assert f"name={one.name}" in repr(one) and two.serialize()["autoScaler"] == {"minReplicas": 1, "maxReplicas": 10}


def test_keys_are_read_and_replaced(deploy):
    service = deploy(
        AciWebservice.deploy_configuration(auth_enabled=True, primary_key="p" * 32, secondary_key="s" * 32)
    )
    assert service.get_keys() == ("p" * 32, "s" * 32)
    service.regen_key("Primary", "q" * 32)
    service.regen_key("Secondary")
    primary, secondary = service.get_keys()
    assert primary == "q" * 32 and secondary != "s" * 32
    with pytest.raises(WebserviceException, match="Write Primary or Secondary"):
        service.regen_key("primary")
    with pytest.raises(NotAvailable, match="use get_keys"):
        service.get_token()


def test_a_service_is_changed_in_place(deploy):
    service = deploy(AciWebservice.deploy_configuration(tags={"a": "1"}))
    service.add_tags({"b": "2"})
    service.remove_tags("a")
    service.add_properties({"p": "1"})
    assert service.enable_app_insights is False
    service.update(description="new", auth_enabled=True, enable_app_insights=True)
    service.update_deployment_state()
    assert service.enable_app_insights is True
    assert (service.tags, service.properties, service.description) == ({"b": "2"}, {"p": "1"}, "new")
    for wrong, words in [({}, "must be provided"), ({"models": ["m:1"]}, "give inference_config too")]:
        with pytest.raises(WebserviceException, match=words):
            service.update(**wrong)
    with pytest.raises(NotAvailable, match="container images"):
        service.update(image="i")


def test_replicas_of_a_service_with_several_are_changed(deploy, config):
    service = deploy(AksWebservice.deploy_configuration(num_replicas=2, scoring_timeout_ms=5000))
    service.update(num_replicas=3)
    assert (service._found["newest"]["minReplicas"], service.autoscaler) == (3, None)
    service.update(autoscale_enabled=True, autoscale_min_replicas=1, autoscale_max_replicas=4)
    assert service.autoscaler == {"minReplicas": 1, "maxReplicas": 4}
    with pytest.warns(UserWarning, match="cpu_cores: nothing is reserved"):
        service.update(inference_config=config, scoring_timeout_ms=9000, cpu_cores=2)
    assert service._found["newest"]["number"] == 2
    for wrong, words in [
        ({"scoring_timeout_ms": 1}, "belong to a revision"),
        ({"autoscale_min_replicas": 5, "autoscale_max_replicas": 2}, "is more than"),
    ]:
        with pytest.raises(WebserviceException, match=words):
            service.update(**wrong)
    with pytest.raises(TypeError, match="surprise"):
        service.update(surprise=1)
    service.update(collect_model_data=True)
    assert service.collect_model_data is True
    service.add_tags({"b": "2"})
    service.remove_tags(["b"])
    service.add_properties({"p": "1"})
    with pytest.raises(WebserviceException, match="no token-based authentication"):
        service.get_access_token()


def test_a_service_with_tokens_has_no_keys(deploy):
    service = deploy(AksWebservice.deploy_configuration(token_auth_enabled=True))
    assert (service.auth_enabled, service.token_auth_enabled) == (False, True)
    token, refresh_by = service.get_token()
    found = service.get_access_token()
    assert token and refresh_by < found.expiry_on and type(found).deserialize(found.serialize()).token_type == "Bearer"
    with pytest.raises(ServiceException, match="no keys: get a token"):
        service.get_keys()
    service.update(auth_enabled=True)
    assert (service.auth_enabled, service.token_auth_enabled, len(service.get_keys())) == (True, False, 2)
    with pytest.raises(WebserviceException, match="not both"):
        AksWebservice.deploy_configuration(auth_enabled=True, token_auth_enabled=True)


@pytest.mark.parametrize("kind", [AciWebservice, AksWebservice])
def test_what_a_configuration_cannot_mean_is_refused(kind, capsys):
    for name in ("cpu_cores", "memory_gb"):
        with pytest.raises(WebserviceException, match=f"{name} must be greater than zero"):
            kind.deploy_configuration(**{name: 0})
    assert kind.deploy_configuration(collect_model_data=True)._describe()["collectModelData"] is True
    kind.deploy_configuration(description="shown", primary_key="never").print_deploy_configuration()
    shown = capsys.readouterr().out
    assert '"description": "shown"' in shown and "never" not in shown


def test_a_taken_or_impossible_name_is_refused_and_a_deleted_service_is_gone(ws, deploy):
    service = deploy(AciWebservice.deploy_configuration())
    with pytest.raises(WebserviceException, match="already a service with name svc"):
        deploy(AciWebservice.deploy_configuration())
    with pytest.raises(WebserviceException, match="'No Name' is not valid"):
        deploy(AciWebservice.deploy_configuration(), "No Name")
    assert deploy(AciWebservice.deploy_configuration(), overwrite=True)._found["newest"]["number"] == 2
    service.wait_for_deployment(timeout_sec=0)
    assert service.get_logs() == "Waiting for a node."
    service.delete()
    with pytest.raises(WebserviceException, match="Webservice with name svc not found"):
        Webservice(ws, "svc")
    for refused in (Webservice.deploy, Webservice.deploy_from_model, Webservice.deploy_from_image):
        with pytest.raises(NotAvailable, match="container images"):
            refused(ws, "svc", [], None)


def test_an_inference_cluster_is_created_and_deleted(ws, cluster):
    settings = AksCompute.provisioning_configuration(
        agent_count=1, vm_size="STANDARD_DS11_V2", cluster_purpose="DevTest"
    )
    target = ComputeTarget.create(ws, "aks", settings)
    assert (type(ws.compute_targets["aks"]), target.provisioning_state) == (AksCompute, "Succeeded")
    assert target.serialize()["name"] == "aks" and AksCompute.list(ws)
    target.delete()
    assert ws.compute_targets["aks"].provisioning_state == "Deleting"


def test_versions_of_an_endpoint_share_its_requests(ws, config, deploy):
    settings = AksEndpoint.deploy_configuration(version_name="blue", traffic_percentile=20, tags={"a": "1"})
    assert isinstance(settings, AksEndpointDeploymentConfiguration)
    endpoint = deploy(settings, deployment_target="cpu-cluster")
    assert type(endpoint) is AksEndpoint and list(endpoint.versions) == ["blue"] and endpoint.tags == {"a": "1"}
    blue = endpoint.versions["blue"]
    assert (blue.is_default, blue.traffic_percentile, blue.version_type) == (True, 20, "Treatment")
    endpoint.create_version("green", inference_config=config, traffic_percentile=30, description="new")
    green = Webservice(ws, "svc").versions["green"]
    assert (green.is_default, green.traffic_percentile, green.description) == (False, 30, "new")
    assert green._found["newest"]["computeName"] == "cpu-cluster"
    endpoint.update_version(
        "green", traffic_percentile=80, is_default=True, is_control_version_type=True, num_replicas=2
    )
    green = endpoint.versions["green"]
    assert (green.is_default, green.traffic_percentile, green.version_type) == (
        True,
        80,
        AksEndpoint.VersionType.control,
    )
    assert green._found["newest"]["minReplicas"] == 2
    endpoint.update_version("green", inference_config=config)
    assert endpoint.versions["green"]._found["newest"]["number"] == 2
    for wrong, words in [
        (lambda: endpoint.update_version("blue", traffic_percentile=30), "adds up to 110: blue 30, green 80"),
        (lambda: endpoint.create_version("blue", inference_config=config), "already"),
        (lambda: endpoint.delete_version("green"), "Make another one the default first"),
        (lambda: endpoint.delete_version("red"), "no version 'red'. Its versions: blue, green"),
        (lambda: endpoint.update_version("blue"), "must be provided"),
        (lambda: AksEndpoint.deploy_configuration(traffic_percentile=101), "between 0 and 100"),
    ]:
        with pytest.raises(WebserviceException, match=words):
            wrong()
    endpoint.update(enable_app_insights=True, auth_enabled=False)
    assert endpoint.versions["blue"].enable_app_insights is True
    assert "Version blue:" in endpoint.get_logs() and set(endpoint.serialize()["versions"]) == {"blue", "green"}
    assert [service.name for service in Webservice.list(ws)] == ["svc"]
    endpoint.delete_version("blue")
    assert list(endpoint.versions) == ["green"]
    endpoint.delete()
    assert Webservice.list(ws) == []


def test_an_endpoint_that_is_overwritten_is_kept_also_if_that_fails(ws, deploy):
    settings = AksEndpoint.deploy_configuration(version_name="blue")
    keys = deploy(settings).get_keys()
    deploy(AksEndpoint.deploy_configuration(version_name="green"), overwrite=True)
    endpoint = deploy(settings, overwrite=True)
    assert set(endpoint.versions) == {"blue", "green"} and endpoint.get_keys() == keys
    assert endpoint.versions["blue"]._found["newest"]["number"] == 2
    deploy(AciWebservice.deploy_configuration(), "plain")
    with pytest.raises(WebserviceException, match="plain has no versions"):
        deploy(settings, "plain", overwrite=True)
    assert Webservice(ws, "plain").compute_type == "ACI"


def test_alerts_and_the_guard_are_set_by_commands(deploy, capsys):
    deploy(AksEndpoint.deploy_configuration(version_name="blue"))
    for words, shown in [
        (["alerts", "-n", "svc", "--p95", "250"], {"p95": 250, "failures": None}),
        (["alerts", "-n", "svc"], {"p95": 250}),
        (["alerts", "-n", "svc", "--off"], {"p95": None}),
        (["guard", "-n", "svc", "--failures", "5"], {"failures": 5, "requests": 50}),
    ]:
        assert cli.main(["endpoint", *words, "-o", "json"]) == cli.OK
        found = json.loads(capsys.readouterr().out)
        assert {name: found[name] for name in shown} == shown, words
    assert cli.main(["endpoint", "list", "-o", "json"]) == cli.OK
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["svc"]
    assert cli.main(["endpoint", "trace", "-n", "svc", "none"]) == cli.NOT_FOUND

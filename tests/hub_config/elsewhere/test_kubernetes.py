"""What is rendered for Kubernetes: valid, closed, and without a secret."""

import ipaddress
import json
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from hub_config.elsewhere import NotRenderable, kubernetes
from hub_config.elsewhere.kubernetes import Doors
from hub_config.elsewhere.relay import way
from hub_config.sandbox import kernel_arguments
from tests.hub_config.elsewhere.described import DIGEST, DOORS, a_cluster, a_session
from tests.hub_config.elsewhere.pods import container, pod, traits, validate


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return pod()


# ------------------------------------------------------------------------------------------------ schemas


def test_pod_that_kubespawner_makes_is_valid(made: dict[str, Any]) -> None:
    validate(made)


def test_pod_without_data_is_valid() -> None:
    without = pod(traits(a_session(copies=())))
    validate(without)
    assert "copies" not in [each["name"] for each in without["spec"]["volumes"]]


@pytest.mark.parametrize("storage_class", [None, "fast"])
def test_objects_are_valid(storage_class: str | None) -> None:
    for each in kubernetes.objects(a_session(), a_cluster(storage_class=storage_class), DOORS):
        validate(each)


def test_the_schemas_find_what_is_wrong(made: dict[str, Any]) -> None:
    wrong = json.loads(json.dumps(made))
    wrong["spec"]["containers"][0]["securityContext"]["readOnlyRoot"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="readOnlyRoot"):
        validate(wrong)


def test_longest_names_make_valid_names_and_labels() -> None:
    long = a_session(person="a" * 30, project="b" * 30)
    for each in kubernetes.objects(long, a_cluster(), DOORS):
        assert len(each["metadata"]["name"]) <= 253
        assert all(len(value) <= 63 for value in each["metadata"]["labels"].values())


# ------------------------------------------------------------------------------------------------ the pod


def test_pod_has_no_rights_at_the_cluster_and_none_of_the_nodes_namespaces(made: dict[str, Any]) -> None:
    spec = made["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in spec
    for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace", "enableServiceLinks"):
        assert spec[name] is False, name


def test_pod_does_not_start_again_by_itself(made: dict[str, Any]) -> None:
    assert made["spec"]["restartPolicy"] == "Never"


def test_no_container_is_root_or_can_gain_rights_or_writes_to_its_image(made: dict[str, Any]) -> None:
    assert made["spec"]["securityContext"]["runAsNonRoot"] is True
    for name in ("notebook", "relay"):
        security = container(made, name)["securityContext"]
        assert security["runAsNonRoot"] is security["readOnlyRootFilesystem"] is True
        assert security["privileged"] is security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert 0 < security["runAsUser"] < 65536  # a pod's user namespace has no others


def test_server_has_our_filter_and_the_relay_the_runtimes(made: dict[str, Any]) -> None:
    ours = {"type": "Localhost", "localhostProfile": "saferoom/server.json"}
    assert container(made, "notebook")["securityContext"]["seccompProfile"] == ours
    assert made["spec"]["securityContext"]["seccompProfile"] == ours
    assert container(made, "relay")["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_every_container_has_limits(made: dict[str, Any]) -> None:
    for name in ("notebook", "relay"):
        assert set(container(made, name)["resources"]["limits"]) == {"memory", "cpu", "ephemeral-storage"}


def test_every_folder_that_is_no_claim_lies_in_memory_and_has_a_limit(made: dict[str, Any]) -> None:
    for volume in made["spec"]["volumes"]:
        if "emptyDir" in volume:
            assert volume["emptyDir"]["medium"] == "Memory" and volume["emptyDir"]["sizeLimit"].endswith("Mi")
        else:
            assert set(volume) & {"persistentVolumeClaim", "configMap"}, volume  # and nothing of the node's


def test_project_copy_is_read_only_twice(made: dict[str, Any]) -> None:
    (volume,) = [each for each in made["spec"]["volumes"] if each["name"] == "copies"]
    assert volume["persistentVolumeClaim"] == {"claimName": "copies-heron", "readOnly": True}
    mounts = [each for each in container(made, "notebook")["volumeMounts"] if each["name"] == "copies"]
    assert [each["subPath"] for each in mounts] == ["visits-v3-0.duckdb", "incomes-v1-0.duckdb"]
    assert all(each["readOnly"] for each in mounts)


def test_relay_sees_sockets_and_nothing_of_the_persons(made: dict[str, Any]) -> None:
    assert {each["name"] for each in container(made, "relay")["volumeMounts"]} == {"gate", "hub", "server"}


def test_two_projects_of_a_person_share_no_claim() -> None:
    def claimed(project: str) -> set[str]:
        volumes = pod(traits(a_session(project=project)))["spec"]["volumes"]
        return {each["persistentVolumeClaim"]["claimName"] for each in volumes if "persistentVolumeClaim" in each}

    assert len(claimed("heron")) == 4
    assert not claimed("heron") & claimed("crane")


def test_two_people_share_the_projects_claim_and_no_other() -> None:
    def writable(person: str) -> set[str]:
        return {each["metadata"]["name"] for each in kubernetes.claims(a_session(person=person), a_cluster())}

    assert writable("ada") & writable("ben") == {"project-heron"}


def test_command_is_the_notebook_server_and_nothing_of_the_images(made: dict[str, Any]) -> None:
    notebook = container(made, "notebook")
    assert notebook["command"] == ["/opt/service/bin/python"]
    assert notebook["args"] == ["-P", "-m", "jupyterhub.singleuser"]


def test_relay_knows_one_way_for_each_socket_and_no_name(made: dict[str, Any]) -> None:
    ways = [way(word) for word in container(made, "relay")["command"][4:]]
    assert [str(each.listen) for each in ways] == [
        "unix:/run/saferoom/gate/gate.sock",
        "unix:/run/saferoom/hub/hub.sock",
        "tcp:0.0.0.0:8888",
    ]
    assert [(each.target.host, each.target.port) for each in ways[:2]] == [("10.96.0.12", 21001), ("10.96.0.12", 21002)]
    assert container(made, "notebook")["ports"][0]["containerPort"] == ways[2].listen.port
    assert container(made, "relay")["restartPolicy"] == "Always"  # which makes it run beside the server


def test_environment_has_our_addresses_and_no_secret(made: dict[str, Any]) -> None:
    environment = {each["name"]: each["value"] for each in container(made, "notebook")["env"]}
    assert environment["JUPYTERHUB_API_URL"] == "http+unix://%2Frun%2Fsaferoom%2Fhub%2Fhub.sock/hub/api"
    assert environment["JUPYTERHUB_SERVICE_URL"].endswith("server.sock/user/ada/heron/")
    assert "TOKEN" not in json.dumps(traits())


def test_nothing_shows_the_hubs_own_folders(made: dict[str, Any]) -> None:
    shown = json.dumps([made, *kubernetes.objects(a_session(), a_cluster(), DOORS)])
    assert not any(path in shown for path in ("/srv/sessions", "/srv/projects", "/srv/copies", "/run/saferoom-hub"))


# ------------------------------------------------------------------------------------------------ the network


def test_default_is_closed_both_ways_for_every_pod() -> None:
    policy = kubernetes.closed(a_cluster())
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policy["metadata"]["namespace"] == "sessions"


def test_session_is_called_by_hub_and_proxy_and_calls_its_two_ports() -> None:
    spec = kubernetes.opening(a_session(), a_cluster(), DOORS)["spec"]
    assert spec["podSelector"] == {"matchLabels": {"saferoom-session": "ada--heron"}}
    (ingress,), (egress,) = spec["ingress"], spec["egress"]
    assert [each["podSelector"]["matchLabels"]["component"] for each in ingress["from"]] == ["hub", "proxy"]
    assert [each["port"] for each in ingress["ports"]] == [8888]
    assert [each["podSelector"]["matchLabels"]["component"] for each in egress["to"]] == ["hub"]
    assert [each["port"] for each in egress["ports"]] == [21001, 21002]
    for peer in (*ingress["from"], *egress["to"]):
        assert peer["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "saferoom"}}


def test_policy_selects_the_pod_that_kubespawner_makes(made: dict[str, Any]) -> None:
    selector = kubernetes.opening(a_session(), a_cluster(), DOORS)["spec"]["podSelector"]["matchLabels"]
    assert selector.items() <= made["metadata"]["labels"].items()


def test_no_name_is_looked_up(made: dict[str, Any]) -> None:
    assert made["spec"]["dnsPolicy"] == "None"
    assert all(ipaddress.ip_address(each).is_loopback for each in made["spec"]["dnsConfig"]["nameservers"])
    policies = [kubernetes.closed(a_cluster()), kubernetes.opening(a_session(), a_cluster(), DOORS)]
    assert '"port": 53' not in json.dumps(policies)


# ------------------------------------------------------------------------------------------------ files


def test_files_are_the_session_s_and_where_jupyter_looks(made: dict[str, Any]) -> None:
    files = kubernetes.files(a_session(), a_cluster())
    (volume,) = [each for each in made["spec"]["volumes"] if each["name"] == "configuration"]
    assert volume["configMap"]["name"] == files["metadata"]["name"]
    paths = {each["path"]: files["data"][each["key"]] for each in volume["configMap"]["items"]}
    assert len(paths) == len(files["data"]) == 4
    assert json.loads(paths["jupyter_server_config.json"])["ServerApp"]["allow_root"] is False


def test_kernels_get_the_same_sandbox_as_everywhere() -> None:
    files = kubernetes.files(a_session(), a_cluster())
    spec = json.loads(files["data"]["kernels--python3--kernel.json"])
    config = spec["metadata"]["kernel_provisioner"]["config"]
    assert config["arguments"] == kernel_arguments(a_session())
    assert spec["metadata"]["kernel_provisioner"]["provisioner_name"] == "saferoom-sandbox"


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("image", ["session", "session:1.0", "session@sha256:0123", f"ses sion@{DIGEST}"])
def test_image_is_named_by_its_digest(image: str) -> None:
    with pytest.raises(NotRenderable, match="digest"):
        a_cluster(image=image)


def test_gate_is_no_name() -> None:
    with pytest.raises(NotRenderable, match="numeric address"):
        a_cluster(gate="hub.saferoom.svc")


@pytest.mark.parametrize("ports", [(21001, 21001), (80, 21002), (21001, 65536)])
def test_doors_are_two_ports(ports: tuple[int, int]) -> None:
    with pytest.raises(NotRenderable, match="two different ports"):
        Doors(*ports)


def test_session_without_a_sandbox_is_not_rendered() -> None:
    with pytest.raises(NotRenderable, match="sandbox"):
        traits(a_session(sandboxed=False))
    with pytest.raises(NotRenderable, match="sandbox"):
        kubernetes.files(a_session(sandboxed=False), a_cluster())

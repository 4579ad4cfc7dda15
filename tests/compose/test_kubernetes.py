"""The manifests for Kubernetes: what they say agrees with the compose files, and is what the schemas take. Nothing is run."""
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import pytest
from engine import ROOT

from lib.skipping import skip

FOLDER = ROOT / "compose/kubernetes"
yaml = pytest.importorskip("yaml", reason="python3-yaml, which docker-compose brings, is missing")


def load(path):
    with open(path, encoding="utf-8") as file:
        return [document for document in yaml.safe_load_all(file) if document]


def manifests():
    return [document for path in sorted(FOLDER.rglob("*.yaml")) if path.name != "kustomization.yaml" for document in load(path)]


def of_kind(kind):
    return {document["metadata"]["name"]: document for document in manifests() if document["kind"] == kind}


def pods():
    return {name: document["spec"]["template"]["spec"] for kind in ("Deployment", "StatefulSet") for name, document in of_kind(kind).items()}


def executor():
    return load(ROOT / "compose/executor.yaml")[0]["services"]["executor"]


def test_every_kustomization_finds_its_parts():
    for path in FOLDER.rglob("kustomization.yaml"):
        for resource in load(path)[0]["resources"]:
            assert (path.parent / resource).exists(), f"{path}: {resource}"
    named = {part for path in FOLDER.rglob("kustomization.yaml") for part in load(path)[0]["resources"]}
    for path in FOLDER.iterdir():
        assert path.name in named | {"worker", "kustomization.yaml"}, f"{path.name} is in no kustomization"


def test_an_executor_is_held_as_compose_holds_it():
    worker = pods()["worker"]["containers"][0]
    security = worker["securityContext"]
    assert security["capabilities"] == {"drop": executor()["cap_drop"], "add": executor()["cap_add"]}
    assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"] and security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert worker["resources"]["limits"] == {"memory": "2Gi", "cpu": "2"} and "-2g}" in executor()["mem_limit"]
    mounted = {mount["mountPath"]: mount for mount in worker["volumeMounts"]}
    assert {entry.split(":")[0] for entry in executor()["tmpfs"]} < mounted.keys() and mounted["/shared"]["readOnly"]
    assert pods()["worker"]["terminationGracePeriodSeconds"] == 90


@pytest.mark.parametrize("name", ["worker", "collector", "rabbitmq", "postgres"])
def test_every_pod_is_hardened(name):
    pod = pods()[name]
    assert pod["automountServiceAccountToken"] is False and not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        security = container["securityContext"]
        assert security["capabilities"]["drop"] == ["ALL"] and security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
        assert {mount["name"] for mount in container["volumeMounts"]} <= {volume["name"] for volume in pod.get("volumes", [])} | {"data"}


def test_secrets_and_queues_are_those_that_the_set_up_makes(tmp_path):
    subprocess.run([ROOT / "compose/setup"], env={"PATH": "/usr/bin:/bin", "ASSAY_SECRETS": str(tmp_path)}, check=True, capture_output=True)
    asked = {item["key"] for pod in pods().values() for volume in pod.get("volumes", []) if "secret" in volume for item in volume["secret"]["items"]}
    asked |= {reference["key"] for reference in of_kind("TriggerAuthentication")["assay-broker"]["spec"]["secretTargetRef"]}
    assert len(asked) >= 8 and asked <= {path.name for path in tmp_path.iterdir()}
    queues = {queue["name"] for queue in json.loads((tmp_path / "broker-definitions").read_text())["queues"]}
    scaled = {trigger["metadata"]["queueName"] for scaling in of_kind("ScaledObject").values() for trigger in scaling["spec"]["triggers"]}
    assert scaled == {name for name in queues if name.startswith("assay.tasks.")}
    assert {scaling["spec"]["scaleTargetRef"]["name"] for scaling in of_kind("ScaledObject").values()} == {
        path.name for path in FOLDER.iterdir() if path.name.startswith("worker-")}


def built():
    for command in (["kustomize", "build"], ["kubectl", "kustomize"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, FOLDER], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return [document for document in yaml.safe_load_all(done.stdout) if document]
    return skip("kustomize", "neither kustomize nor kubectl is installed")


def test_kustomize_builds_a_fleet():
    documents = built()
    deployments = {document["metadata"]["name"]: document["spec"] for document in documents if document["kind"] == "Deployment"}
    assert deployments.keys() == {"collector", "worker-python", "worker-node", "worker-native"}
    for name, spec in deployments.items():
        assert spec["selector"]["matchLabels"]["app"] == spec["template"]["metadata"]["labels"]["app"] == name
        assert {container["image"] for container in spec["template"]["spec"]["containers"]} == {f"assay/{name}:current"}
    assert {document["metadata"].get("namespace") for document in documents} == {"assay"}


VALIDATE = "import json, sys, kubernetes_validate\nfor one in json.load(sys.stdin): kubernetes_validate.validate(one, '1.31', strict=True)"


def test_the_published_schemas_take_them(tmp_path):
    """Strictly: a field that Kubernetes does not know is an error. The schemas come as a Python package, fetched for this test where it
    is not installed; in a process of its own, since this one has other versions of what it needs."""
    documents = json.dumps([document for document in built() if not document["apiVersion"].startswith("keda.sh/")])
    if not importlib.util.find_spec("kubernetes_validate"):
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", tmp_path, "kubernetes-validate"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            skip("kubernetes_schemas", f"the Python package kubernetes-validate cannot be had: {done.stderr[-200:]}")
    done = subprocess.run([sys.executable, "-c", VALIDATE], input=documents, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_keda_takes_its_objects():
    import jsonschema  # pylint: disable=import-outside-toplevel
    definitions = [definition for path in (ROOT / "tests/compose/keda").glob("*.yaml") for definition in load(path)]
    known = {definition["spec"]["names"]["kind"]: definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for definition in definitions}
    checked = [document for document in manifests() if document["apiVersion"].startswith("keda.sh/")]
    assert len(checked) == 4
    for document in checked:
        jsonschema.validate(document, known[document["kind"]])

"""The same fleet on a swarm of one node, by the stack file that compose/stack makes of the same source."""
import json
import os

import pytest
from engine import ROOT
from fleet import Fleet, assert_reached, port_opens, run_demo
from test_fleet import CONNECT, outside_address, scale_during_a_job

from lib.skipping import skip
from lib.waiting import wait_until

WORKERS = ("worker-python", "worker-node", "worker-native")


class SwarmFleet(Fleet):
    """Its producer is a container on the stack's networks, which this test attaches; everything else comes from the stack file."""

    def __init__(self, images, folder):
        super().__init__(images, folder)
        self.project = f"assaystack{os.getpid()}"

    def up(self):
        self.setup()
        docker = self.engine.docker
        docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:0")
        stack = self.engine.run(ROOT / "compose/stack", self.override, env=self.env).stdout
        document = json.loads(stack)
        for name in ("backend", "store"):
            document["networks"][name]["attachable"] = True
        (self.folder / "stack.json").write_text(json.dumps(document))
        self.deployed = docker("stack", "deploy", "--resolve-image", "never", "-c", self.folder / "stack.json", self.project)
        # A name is resolved once its container is healthy.
        wait_until(lambda: all(self.serves(name) for name in document["services"]), 300, "all services to be healthy")
        return self

    def serves(self, service):
        states = [self.inspect(container)["State"] for container in self.containers(service)]
        return states and all(state.get("Health", {}).get("Status", "healthy") == "healthy" for state in states)

    def containers(self, service):
        return self.engine.docker("ps", "-q", "--filter", f"label=com.docker.swarm.service.name={self.project}_{service}").stdout.split()

    def all_containers(self):
        return self.engine.docker("ps", "-q", "--filter", f"label=com.docker.stack.namespace={self.project}").stdout.split()

    def scale(self, service, number):
        self.engine.docker("service", "scale", "--detach", f"{self.project}_{service}={number}")

    def producer(self, *words, check=True):
        made = self.engine.docker(
            "create", "--network", f"{self.project}_backend", "--rm", "-v", f"{self.folder / 'secrets'}:/run/secrets:ro",
            "-v", f"{self.folder / 'tasks'}:/tasks:ro", "--user", "0", "-e", "ASSAY_AMQP_URL_FILE=/run/secrets/producer-amqp-url",
            "-e", "ASSAY_PG_URL_FILE=/run/secrets/producer-pg-url", "assaytest/producer:current", *words).stdout.strip()
        self.engine.docker("network", "connect", f"{self.project}_store", made)
        return self.engine.docker("start", "--attach", made, check=check)

    def logs(self):
        return "".join(self.engine.docker("service", "logs", "--raw", "--tail", "15", f"{self.project}_{name}", check=False).stdout
                       for name in ("collector", *WORKERS))

    def down(self):
        docker = self.engine.docker
        docker("stack", "rm", self.project, check=False)
        wait_until(lambda: not self.all_containers(), 120, "the stack to go")
        docker("swarm", "leave", "--force", check=False)
        volumes = docker("volume", "ls", "-q", "--filter", f"name={self.project}_").stdout.split()
        if volumes:
            docker("volume", "rm", "--force", *volumes, check=False)


@pytest.fixture(scope="module")
def fleet(images, tmp_path_factory):
    if not images.engine.own():
        skip("swarm", "the engine is not the tests' own: it would be made a swarm")
    made = SwarmFleet(images, tmp_path_factory.mktemp("swarm"))
    try:
        yield made.up()
    finally:
        made.down()


def test_the_stack_file_says_what_swarm_drops(fleet):
    """Nothing of it is left to Swarm to ignore silently."""
    assert "Ignoring" not in fleet.deployed.stdout + fleet.deployed.stderr
    told = fleet.engine.run(ROOT / "compose/stack", "--help").stdout
    for key in ("security_opt", "tmpfs", "restart", "depends_on", "memswap_limit", "shm_size"):
        assert key in told


def test_the_demo_job_has_its_documented_verdicts(fleet):
    run_demo(fleet, "demo")


@pytest.mark.parametrize("service", WORKERS)
def test_every_executor_is_hardened(fleet, service):
    """But for what Swarm does not take; that the worker serves at all shows that its self-attack held."""
    found = fleet.inspect(fleet.containers(service)[0])
    host = found["HostConfig"]
    assert host["CapDrop"] == ["ALL"] and {name.removeprefix("CAP_") for name in host["CapAdd"]} == {"SETUID", "SETGID", "KILL"}
    assert host["ReadonlyRootfs"] and not host["Privileged"] and host["Init"]
    assert host["Memory"] == 2 << 30 and host["NanoCpus"] == int(fleet.env["ASSAY_EXECUTOR_CPUS"]) * 10**9 and host["PidsLimit"] == 512
    assert [mount["RW"] for mount in found["Mounts"] if mount["Destination"] == "/shared"] == [False]
    mounted = fleet.execute(found["Id"], "cat", "/proc/mounts").stdout.splitlines()
    for place in ("/work", "/tmp", "/dev/shm"):
        line = next(line for line in mounted if line.split()[1] == place)
        assert line.split()[2] == "tmpfs" and "size=" in line and "nr_inodes=" in line and "nosuid" in line
    assert fleet.engine.docker("service", "inspect", f"{fleet.project}_{service}").stdout.count('"StopGracePeriod": 90000000000') == 1
    log = fleet.engine.docker("logs", found["Id"])
    assert '"message":"ready: ' in log.stdout + log.stderr


def test_an_executor_reaches_the_broker_and_nothing_else(fleet):
    worker, collector = fleet.containers("worker-python")[0], fleet.containers("collector")[0]
    broker, database = (fleet.address(fleet.containers(name)[0], network) for name, network in (("rabbitmq", "executors"), ("postgres", "store")))
    outside = outside_address()
    for container, address, port in ((worker, broker, 5672), (collector, database, 5432), (fleet.containers("rabbitmq")[0], outside, 80)):
        assert_reached(fleet, container, address, port)
    assert not port_opens(fleet, worker, database, 5432) and not port_opens(fleet, worker, outside, 80)
    task = {"task_id": "connect", "runtime": "python", "implementation_code": CONNECT.format(address=broker), "cases": [{"expected_stdout": "13\n"}]}
    done = fleet.producer("publish", fleet.write_tasks("connect.jsonl", [task]), "--job", "connect", "--wait", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_scaling_during_a_job_loses_nothing(fleet):
    scale_during_a_job(fleet)

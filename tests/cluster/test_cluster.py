"""The same programs on a RabbitMQ cluster of three nodes: any one of them may die at any time."""
import signal
import sys

import pytest

from lib.servers import ROOT
from lib.site import make_template
from lib.waiting import wait_until

sys.path.insert(0, str(ROOT / "tests/faults"))
import campaign  # noqa: E402  pylint: disable=wrong-import-position
import faults  # noqa: E402  pylint: disable=wrong-import-position
from nodes import Cluster, ClusterSite  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    made = Cluster()
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture(name="site")
def cluster_site(cluster, build, tmp_path):
    made = ClusterSite(cluster, tmp_path, "python,bash,c", make_template(cluster, build, "assay_test_template"))
    try:
        yield made
    finally:
        cluster.up()
        made.close()


def node_killed(run, rng):
    """One at a time, and back after some seconds: the others have the majority."""
    cluster = run.site.servers
    if not cluster.whole():
        return None
    node = rng.choice(cluster.nodes)
    node.kill()
    run.later(rng.uniform(8, 15), f"{node.name} started", node.start)
    return node.name


def test_any_node_may_die(site):
    run = campaign.Campaign(site, 3000, 3, gap_s=6, faults_s=100, publish_s=100, chunk=40, rate=8)
    assert run.run([(9, node_killed)] + faults.some("worker_killed", "collector_killed", "producer_paused"), producers=2) == []
    assert run.counted.get("node_killed", 0) >= 2, run.counted


@pytest.mark.parametrize("known", [slice(2, 3), slice(0, 3)], ids=["connected to the node that stays", "connected to any node"])
def test_without_a_majority_everybody_waits(site, known):
    lost, site.known = site.servers.nodes[:2], site.servers.nodes[known]
    site.start_collector()
    site.start_worker("bash")
    path = site.write_tasks([{"task_id": f"t{n}", "job_id": "j", "runtime": "bash", "implementation_code": "sleep 0.2; echo hi",
                              "cases": [{"expected_stdout": "hi"}]} for n in range(150)])
    producer = site.start("assay-producer", "publish", path, "--wait", "--rate", "5")
    wait_until(lambda: site.value("SELECT count(*) FROM executions") > 5, 60, "the first rows")
    for node in lost:
        node.kill(signal.SIGKILL)
    wait_until(lambda: "broker" in producer.errors(), 120, "the producer to say what is wrong")
    assert producer.alive()
    for node in lost:
        node.start()
    wait_until(site.servers.whole, 180, "three running nodes", every=0.5)
    assert producer.wait(400) == 0, producer.errors()
    assert "150 of 150 pass" in producer.output()
    assert len(site.wait_for_rows(150, "j")) == 150

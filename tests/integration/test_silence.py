"""A broker that forgets to confirm: the message is published again over a new connection, and counted once."""
import json

import pytest

from lib.dead import kill_task
from lib.waiting import wait_until
from lib.way_to_broker import WayToBroker

TASK = {"runtime": "bash", "implementation_code": "echo hi", "cases": [{"expected_stdout": "hi\n"}]}
GIVEN_UP = "has not confirmed a message within confirm_timeout_s = 2"


@pytest.fixture(name="way")
def forgetful_way(servers):
    way = WayToBroker(servers.port("amqp"))
    yield way
    way.close()


def forget_until_given_up(way, process):
    """The confirms of one connection at least are lost; those of a later one arrive."""
    wait_until(lambda: GIVEN_UP in process.errors(), 60, "the connection to be given up")
    assert way.forgotten >= 1
    way.forgets = False


def test_a_worker_publishes_its_result_again(site, way):
    site.start_collector()
    worker = site.start_worker("bash", noop=True, ASSAY_AMQP_URL=site.amqp_url("assay-worker", port=way.port),
                               ASSAY_WORKER_CONFIRM_TIMEOUT_S=2)
    way.forgets = True
    for number in range(5):
        site.publish({**TASK, "task_id": f"t{number}"}, "bash")
    forget_until_given_up(way, worker)
    assert [row[1] for row in site.wait_for_rows(5)] == ["pass"] * 5
    wait_until(lambda: site.status(worker)["results"]["unconfirmed"] == 0, 60, "the confirms")
    wait_until(lambda: site.depth("assay.tasks.bash") == site.depth("assay.results") == 0, 30, "empty queues")
    assert way.connections >= 2


def test_a_collector_publishes_a_verdict_again(site, way):
    collector = site.start_collector(ASSAY_AMQP_URL=site.amqp_url("assay-collector", port=way.port), ASSAY_COLLECTOR_CONFIRM_TIMEOUT_S=2)
    way.forgets = True
    kill_task(site, json.dumps({**TASK, "task_id": "t1", "job_id": "j"}), "assay.tasks.bash", message_id="t1", type="assay.task.v1",
              content_type="application/json")
    forget_until_given_up(way, collector)
    assert site.wait_for_rows(1, "j") == [("t1", "error", "undeliverable")]
    wait_until(lambda: site.depth("assay.dead.tasks") == 0, 30, "an empty queue of dead tasks")


def test_a_producer_publishes_its_tasks_again(site, way):
    way.forgets = True
    path = site.write_tasks([{**TASK, "task_id": f"t{number}"} for number in range(20)])
    producer = site.start("assay-producer", "publish", path, env={"ASSAY_AMQP_URL": site.amqp_url("assay-producer", port=way.port),
                                                                  "ASSAY_PRODUCER_CONFIRM_TIMEOUT_S": 2})
    forget_until_given_up(way, producer)
    assert producer.wait(60) == 0, producer.errors()
    site.start_collector()
    site.start_worker("bash", noop=True)
    wait_until(lambda: site.value("SELECT count(*) FROM executions") == 20, 60, "the verdicts")
    wait_until(lambda: site.depth("assay.tasks.bash") == site.depth("assay.results") == 0, 30, "empty queues")
    assert site.value("SELECT count(*) FROM executions") == 20

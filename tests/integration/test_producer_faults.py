"""assay-producer against a real broker and database; in the place of the workers a client that answers
at once: servers that are not there or restart, signals, a file that changes."""
import os
import re
import signal

import pytest
from producing import drain, task, tasks

from lib.answers import FAILED, Answers, publish_result, result
from lib.waiting import wait_until

# -- servers that are not there --------------------------------------------------------------------------------------------


def test_unreachable_broker(vhost):
    done = vhost.producer("publish", vhost.write_tasks([task(1)]), env={"ASSAY_AMQP_URL": "amqp://u:secret@127.0.0.1:1/v"})
    assert done.returncode == 3
    assert "127.0.0.1:1" in done.stderr and "secret" not in done.stderr


def test_wrong_password(vhost):
    url = vhost.amqp_url("assay-producer", password="wrongsecret")
    done = vhost.producer("publish", vhost.write_tasks([task(1)]), env={"ASSAY_AMQP_URL": url})
    assert done.returncode == 3
    assert "assay-producer" in done.stderr and "wrongsecret" not in done.stderr


@pytest.mark.parametrize("words", [["results", "j"], ["show", "j", "t"], ["rerun", "j", "tasks.jsonl"], ["pending"], ["status"]])
def test_unreachable_database(vhost, words):
    vhost.write_tasks([task(1)])
    done = vhost.producer(*words, env={"ASSAY_PG_URL": "postgresql://u:secret@127.0.0.1:1/d"})
    assert done.returncode == 3
    assert "secret" not in done.stderr


def test_nothing_configured(vhost):
    done = vhost.producer("publish", vhost.write_tasks([task(1)]), env={"ASSAY_AMQP_URL": ""})
    assert done.returncode == 2
    assert "ASSAY_AMQP_URL" in done.stderr
    assert "ASSAY_PG_URL" in vhost.producer("results", "j", env={"ASSAY_PG_URL": ""}).stderr


def test_a_runtime_without_a_queue(vhost):
    vhost.management("DELETE", "queues/{vhost}/assay.tasks.bash")
    path = vhost.write_tasks([task(1), {**task(2), "runtime": "python"}])
    done = vhost.producer("publish", path, "--wait")
    assert done.returncode == 4
    assert "no queue assay.tasks.bash" in done.stderr
    assert vhost.depth("assay.tasks.python") == 0
    text = path.read_text()
    with Answers(vhost, "python"):
        done = vhost.producer("publish", "-", "--wait", stdin=text)
    assert done.returncode == 4
    assert "task t/1 of job default came back" in done.stderr and "'bash'" in done.stderr
    assert "1 tasks confirmed by the broker, 1 returned" in done.stdout


# -- faults ----------------------------------------------------------------------------------------------------------------


def test_broker_restart_in_mid_publish(vhost):
    producer = vhost.start("assay-producer", "publish", vhost.write_tasks(tasks(400)), "--rate", "200")
    wait_until(lambda: vhost.depth("assay.tasks.bash") > 20, 30, "the first tasks")
    vhost.servers.restart_broker()
    assert producer.wait(120) == 0, producer.errors()
    assert "400 tasks confirmed" in producer.output()
    published = [one["task_id"] for one in drain(vhost)]
    assert set(published) == {one["task_id"] for one in tasks(400)}
    assert len(published) < 400 + 100, "more than a window was sent again"


def test_broker_restart_while_waiting(vhost):
    producer = vhost.start("assay-producer", "publish", vhost.write_tasks(tasks(50)), "--wait", "--results", "results.jsonl")
    wait_until(lambda: vhost.depth("assay.tasks.bash") == 50, 30, "the tasks")
    with Answers(vhost, verdicts=lambda one: [result(one)] if one["task_id"] < "t/3" else []):
        wait_until(lambda: vhost.depth("assay.tasks.bash") == 0, 30, "all tasks to be taken")
    vhost.servers.restart_broker()
    channel = vhost.pika().channel()
    channel.confirm_delivery()
    for one in tasks(50, job_id="default"):
        if one["task_id"] >= "t/3":
            publish_result(channel, result(one))
    assert producer.wait(120) == 0, producer.errors()
    assert "50 of 50 pass" in producer.output()
    assert len((vhost.folder / "results.jsonl").read_text().splitlines()) == 50


def wait_queue(site):
    return next((queue["name"] for queue in site.management("GET", "queues/{vhost}") if queue["name"].startswith("assay.wait.")), None)


def test_verdicts_of_a_lost_queue_come_from_the_database(site):
    """The queue of a waiting producer is deleted with all that it holds."""
    site.start_collector()
    producer = site.start("assay-producer", "publish", site.write_tasks(tasks(20)), "--wait", "--results", "results.jsonl")
    wait_until(lambda: site.depth("assay.tasks.bash") == 20, 30, "the tasks")
    producer.signal(signal.SIGSTOP)
    with Answers(site, verdicts=lambda one: [result(one, **(FAILED if one["task_id"] == "t/7" else {}))]):
        site.wait_for_rows(20)
    site.management("DELETE", "queues/{vhost}/" + wait_until(lambda: wait_queue(site), 30, "the waiting queue"))
    producer.signal(signal.SIGCONT)
    assert producer.wait(60) == 1, producer.errors()
    assert "19 of 20 pass" in producer.output()
    assert len((site.folder / "results.jsonl").read_text().splitlines()) == 20


def test_a_rerun_does_not_take_the_old_verdict_for_the_new_one(site):
    site.start_collector()
    path = site.write_tasks(tasks(3))
    infra = {"status": "error", "reason": "infra", "test_pass_rate": None, "passed": 0}
    with Answers(site, verdicts=lambda one: [result(one, **infra)]):
        assert site.producer("publish", path, "--job", "j", "--wait").returncode == 1
    site.wait_for_rows(3, "j")
    producer = site.start("assay-producer", "rerun", "j", path, "--wait")
    wait_until(lambda: site.depth("assay.tasks.bash") == 3, 30, "the tasks")
    site.management("DELETE", "queues/{vhost}/" + wait_until(lambda: wait_queue(site), 30, "the waiting queue"))
    producer.wait_for_log("waiting for verdicts again")
    with Answers(site):
        assert producer.wait(60) == 0, producer.errors()
    assert "3 of 3 pass" in producer.output()


def test_a_full_queue_slows_down_and_loses_nothing(vhost):
    vhost.management("PUT", "policies/{vhost}/small", {"pattern": "^assay[.]tasks[.]bash$", "apply-to": "queues", "priority": 10,
                                                      "definition": {"max-length": 20, "overflow": "reject-publish"}})
    producer = vhost.start("assay-producer", "publish", vhost.write_tasks(tasks(200)), env={"ASSAY_PUBLISH_WINDOW": 10})
    producer.wait_for_log("the broker refuses messages")
    with Answers(vhost) as answers:
        assert producer.wait(120) == 0, producer.errors()
        wait_until(lambda: len({one["task_id"] for one in answers.tasks}) == 200, 30, "all tasks")


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_says_how_to_go_on(vhost, number, status):
    path = vhost.write_tasks(tasks(5000))
    producer = vhost.start("assay-producer", "publish", path, "--rate", "100")
    wait_until(lambda: vhost.depth("assay.tasks.bash") > 5, 30, "the first tasks")
    producer.signal(number)
    assert producer.wait(30) == status
    confirmed = int(re.search(r"(\d+) tasks confirmed", producer.output()).group(1))
    assert confirmed == vhost.depth("assay.tasks.bash")
    assert "publish the same file under the same job again" in producer.errors()


def test_a_file_that_changes_is_noticed(vhost):
    path = vhost.write_tasks(tasks(300, implementation_code="echo hi #" + "x" * 3000))
    producer = vhost.start("assay-producer", "publish", path, "--rate", "100")
    wait_until(lambda: vhost.depth("assay.tasks.bash") > 5, 30, "the first tasks")
    with open(path, "r+b") as file:
        file.seek(path.stat().st_size - 5)
        file.write(b"@")
    assert producer.wait(60) == 4
    assert "the file changed while it was published" in producer.errors()


def test_a_broker_that_confirms_nothing_is_told(servers, vhost):
    """As a queue without a majority of its nodes: no confirm, no refusal, and the connection stands. Here the broker stands still."""
    path = vhost.write_tasks(tasks(2000))
    producer = vhost.start("assay-producer", "publish", path, "--rate", "100")
    wait_until(lambda: vhost.depth("assay.tasks.bash") > 5, 30, "the first tasks")
    os.kill(servers.pid("rabbitmq"), signal.SIGSTOP)
    try:
        wait_until(lambda: "the broker confirms nothing" in producer.errors(), 40, "the producer to say so")
    finally:
        os.kill(servers.pid("rabbitmq"), signal.SIGCONT)
    wait_until(lambda: "the broker confirms messages again" in producer.errors(), 40, "its confirms")
    assert producer.wait(60) == 0, producer.errors()
    assert vhost.depth("assay.tasks.bash") == 2000

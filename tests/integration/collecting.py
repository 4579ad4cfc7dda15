"""What the tests of the collector share: results as a worker publishes them, and when the collector is done with them."""
import json
import urllib.error
import urllib.request
import uuid

import pika

from lib.waiting import wait_until


def result(task, job="j", status="pass", reason="ok", **more):
    """A result message with everything that is required."""
    rate = {"pass": 1.0, "error": None}.get(status, 0.0)
    made = {"task_id": task, "job_id": job, "runtime": "python", "status": status, "reason": reason, "test_pass_rate": rate,
            "passed": 3 if status == "pass" else 0, "failed": 0 if status == "pass" else 3, "skipped": 0, "total": 3, "errors": [],
            "tests": [{"name": "test_a", "outcome": "passed", "ms": 1, "message": None}], "stdout": "", "stderr": "",
            "timing_ms": {"queued": 5, "setup": 6, "compile": 0, "run": 250}, "cpu_ms": 200, "attempt": 1, "worker": "w1",
            "sandbox": ["tmpfs"], "started_at": "2026-01-02T03:04:05.678Z", "finished_at": "2026-01-02T03:04:06.678Z"}
    made.update(more)
    return made


class Publisher:
    """Publishes results and job messages, confirmed."""

    def __init__(self, site):
        self.channel = site.pika().channel()
        self.channel.confirm_delivery()

    def raw(self, body, key, exchange="assay.results", **properties):
        properties = {"content_type": "application/json", "delivery_mode": 2, **properties}
        self.channel.basic_publish(exchange, key, body, pika.BasicProperties(**properties), mandatory=True)

    def result(self, message, **properties):
        self.raw(json.dumps(message), f"{message['job_id']}.{message['status']}", type="assay.result.v1",
                 message_id=message["task_id"], **properties)

    def results(self, messages):
        for message in messages:
            self.result(message)

    def job(self, job, total, part="a" * 64, labels=None):
        body = {"job_id": job, "part": part, "total": total, "labels": labels or {}}
        self.raw(json.dumps(body), f"{job}.job", type="assay.job.v1")

    def event(self, kind, worker="w1", busy=0, heartbeat_s=10, **more):
        body = {"event": kind, "worker": worker, "host": "h", "pid": 7, "version": "0.1.0", "slots": 2, "busy": busy,
                "consuming": True, "runtimes": ["python", "c"], "tasks_done": 5, "tasks_error": 1,
                "started_at": "2026-01-02T03:04:05.678Z", "heartbeat_s": heartbeat_s, **more}
        self.raw(json.dumps(body), f"worker.{worker}", "assay.events", type="assay.event.v1")


def counters(site, job="j"):
    """(state, total, done, passed, failed, timed_out, errors)"""
    return site.sql("SELECT state, total, done, passed, failed, timed_out, errors FROM jobs WHERE job_id = %s", job)[0]


def true_counters(site, job="j"):
    """What the counters have to be, from the rows."""
    return site.sql("SELECT count(*), count(*) FILTER (WHERE status = 'pass'), count(*) FILTER (WHERE status = 'fail'),"
                    " count(*) FILTER (WHERE status = 'timeout'), count(*) FILTER (WHERE status = 'error')"
                    " FROM executions WHERE job_id = %s", job)[0]


def settle(site, publisher):
    """Everything published before is stored (one collector, and the queue keeps its order)."""
    task = uuid.uuid4().hex
    publisher.result(result(task, "barrier"))
    wait_until(lambda: site.sql("SELECT 1 FROM executions WHERE task_id = %s", task), what="the barrier")
    site.sql("DELETE FROM executions WHERE job_id = 'barrier'")
    site.sql("DELETE FROM jobs WHERE job_id = 'barrier'")


def wait_until_acknowledged(site, queue="assay.results", seconds=60):
    """Nothing ready and nothing unacknowledged, by the broker's own account (its numbers are some seconds old)."""
    def empty():
        state = site.management("GET", "queues/{vhost}/" + queue)
        return site.depth(queue) == 0 and state.get("messages_unacknowledged") == 0 and state.get("messages") == 0
    wait_until(empty, seconds, f"{queue} to be empty and acknowledged", every=0.2)


def wait_until_empty(site, queue):
    """Nothing ready any more: taken, though perhaps not acknowledged."""
    wait_until(lambda: site.depth(queue) == 0, what=f"{queue} to be taken")


def page(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def reconstruction(site):
    application = site.value("INSERT INTO applications (name, source_path, test_suite_path, language, split)"
                             " VALUES (gen_random_uuid()::text, 's', 't', 'python', 'train') RETURNING id")
    requirement = site.value("INSERT INTO requirements (application_id, cet_model_version, requirement_text, phase)"
                             " VALUES (%s, 'v', 'r', 1) RETURNING id", application)
    return requirement, site.value("INSERT INTO reconstructions (application_id, requirement_id, llm_model, implementation_code,"
                                   " claimed_by, claimed_until) VALUES (%s, %s, 'm', 'c', 'p1', now() + interval '1 hour')"
                                   " RETURNING id", application, requirement)

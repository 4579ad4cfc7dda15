"""Tasks for a worker of bash, and what the tests of assay-worker ask of it."""
import json
import urllib.request
import urllib.error

from lib.waiting import wait_until

TASKS = "assay.tasks.bash"
RESULTS = "assay.results"


def bash(task_id, code="echo ok", expected="ok", **more):
    return {"task_id": task_id, "job_id": "job", "runtime": "bash", "implementation_code": code,
            "cases": [{"expected_stdout": expected}], **more}


def sleeper(task_id, seconds, **more):
    return bash(task_id, f"sleep {seconds}; echo ok", **more)


def start(site, **more):
    return site.start_worker("bash", **more)


def publish(site, *tasks, key="bash"):
    for task in tasks:
        site.publish(task, key)


def results(site, count, seconds=60):
    return [site.get(RESULTS, seconds)[1] for _ in range(count)]


def unacknowledged(site, queue):
    """Messages that a consumer holds. The management API's numbers are a little old: ask until they agree."""
    return site.management("GET", f"queues/{{vhost}}/{queue}").get("messages_unacknowledged")


def get(port, path):
    """(status, text) of the worker's HTTP listener."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def status(port):
    return json.loads(get(port, "/status")[1])


def wait_running(worker, task_id):
    """The worker logs at debug when a task starts."""
    def running():
        return any(f'"{task_id}"' in line and '"started"' in line for line in worker.errors().splitlines())
    wait_until(running, 30, f"{task_id} to run")


def debug_worker(site, **more):
    return start(site, ASSAY_LOG_LEVEL="debug", **more)

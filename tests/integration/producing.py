"""Tasks for assay-producer, and what came of them at the broker."""
import json


def task(number, **more):
    return {"task_id": f"t/{number}", "runtime": "bash", "implementation_code": "echo hi",
            "cases": [{"expected_stdout": "hi\n"}], **more}


def tasks(count, **more):
    return [task(number, **more) for number in range(count)]


def drain(site, queue="assay.tasks.bash"):
    """Everything that waits in a queue, as dicts."""
    channel = site.pika().channel()
    found = []
    while True:
        method, _, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            return found
        found.append(json.loads(body))

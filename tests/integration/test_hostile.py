"""Hostile messages by any AMQP client: the worker and the collector survive each, none blocks a queue, and a task of an
honest publisher right behind them gets its verdict."""
import datetime
import hashlib
import json

import pika

from lib.waiting import wait_until

SQUARE = "def square(n):\n    return n * n\n"
SUITE = "from implementation import square\n\ndef test_square():\n    assert square(3) == 9\n"
ECHO = {"task_id": "echo", "job_id": "honest", "runtime": "bash", "implementation_code": "echo $1", "cases": [{"args": ["9"], "expected_stdout": "9"}]}
GOOD = {"task_id": "good", "job_id": "honest", "runtime": "python", "implementation_code": SQUARE, "test_suite_code": SUITE}
RESULT = {"task_id": "t", "job_id": "hostile", "runtime": "python", "labels": {}, "reconstruction_id": None, "status": "pass", "reason": "ok",
          "test_pass_rate": 1.0, "passed": 1, "failed": 0, "skipped": 0, "total": 1, "errors": [], "tests": [], "tests_truncated": False,
          "stdout": "", "stderr": "", "stdout_truncated": False, "stderr_truncated": False, "exit_code": 0, "signal": None,
          "timing_ms": {"queued": 0, "setup": 0, "compile": 0, "run": 0}, "cpu_ms": 0, "peak_memory_kb": 0, "coverage": None, "cached": False,
          "worker": "w", "attempt": 1, "sandbox": [], "started_at": "2026-01-01T00:00:00.000Z", "finished_at": "2026-01-01T00:00:00.000Z"}


def text(**fields):
    """A task with these fields, and an id that they make."""
    task_id = "h-" + hashlib.sha256(repr(fields).encode("utf-8", "replace")).hexdigest()[:16]
    return json.dumps({**GOOD, "task_id": task_id, "job_id": "hostile", **fields})


BODIES = {
    "nothing": "", "a space": " ", "a NUL": b"\0", "null": "null", "true": "true", "a number": "1e999", "text": '"text"', "an empty object": "{}",
    "an empty list": "[]", "half an object": '{"task_id":', "two objects": "{}{}", "a byte order mark": b"\xef\xbb\xbf{}", "latin 1": b'{"task_id": "\xe9"}',
    "utf-16": '{"task_id": "x"}'.encode("utf-16"), "lone surrogates": '{"task_id": "\\ud800"}', "deep lists": "[" * 100_000,
    "deep objects": '{"labels":' * 50_000 + "1" + "}" * 50_000, "deep and closed": "[" * 3000 + "]" * 3000,
    "long numbers": '{"timeout": ' + "9" * 100_000 + "}", "a tiny number": '{"timeout": 1e-400}', "keys twice": '{"task_id":"a","task_id":"b"}',
    "a NUL in a key": '{"task\\u0000_id": "a"}', "bytes": bytes(range(256)) * 64,
    "a long id": text(task_id="x" * 129), "an empty id": text(task_id=""), "an id with a newline": text(task_id="a\nb"),
    "an id with a dot": text(task_id="..", job_id="a.b.*.#.c"), "a job of dots": text(task_id="dots", job_id="." * 128),
    "a job of slashes": text(task_id="slashes", job_id="//:--__..a"), "an id that is a number": text(task_id=7), "an id that is a list": text(task_id=[]),
    "a runtime that is none": text(runtime="perl"), "a runtime that is another": text(runtime="node"), "a runtime with NUL": text(runtime="python\0"),
    "auto": text(runtime="auto"), "no suite": json.dumps({"task_id": "ns", "runtime": "python", "implementation_code": ""}),
    "cases of no list": text(cases={}), "ten thousand bad cases": text(cases=[None] * 10_000), "a case of everything": text(cases=[{"stdin": 1, "args": {}, "compare": []}]),
    "NUL in arguments": text(task_id="nul-args", cases=[{"args": ["a\0b"], "expected_stdout": ""}]),
    "long arguments": text(task_id="long-args", test_suite_code=None, cases=[{"args": ["x" * 300_000], "expected_stdout": ""}]),
    "many arguments": text(task_id="many-args", cases=[{"args": ["x"] * 100_000, "expected_stdout": ""}]),
    "a float comparison of nan": text(cases=[{"expected_stdout": "1", "compare": {"float": -1}}]),
    "files that leave": text(files={"../x": "a", "/etc/passwd": "b"}), "files that collide": text(files={"a": "1", "a/b": "2"}),
    "files of odd names": text(task_id="odd-names", files={"-rf": "1", "a b\nc": "2", "\u202e": "3", "x" * 300: "4"}),
    "base64 that is none": text(files={"a": {"base64": "!!!"}}), "a file that is a list": text(files={"a": [1]}),
    "trusted files over the suite": text(task_id="over", test_files={"test_implementation.py": "x", "implementation.py": "y"}),
    "limits of nothing": text(limits=[]), "limits below": text(limits={"wall_s": -1}), "limits above": text(limits={"memory_mb": 2**62}),
    "limits that are not finite": text().replace('"hostile"', '"hostile", "limits": {"wall_s": 1e400}'), "two times": text(timeout=3, limits={"wall_s": 4}),
    "labels of numbers": text(labels={"a": 1}), "ten thousand labels": text(labels={f"l{i}": "v" * 50 for i in range(10_000)}),
    "a reconstruction of text": text(reconstruction_id="1; DROP TABLE executions"), "a reconstruction too large": text(reconstruction_id=2**63 - 1, task_id="recon"),
    "expired long ago": text(task_id="expired", expires_at="0001-01-01T00:00:00Z"), "expires in no form": text(expires_at="tomorrow"),
    "expires in 9999": text(task_id="late", expires_at="9999-12-31T23:59:59+23:59"), "a profile that is none": text(profile="god"),
    "a lane that is none": text(lane=1), "NUL in code": text(task_id="nul-code", implementation_code="\0" * 100),
    "surrogates in code": text(task_id="sur", implementation_code="x").replace('"x"', '"\\ud800\\udfff"'),
    "percent signs": text(task_id="percent", implementation_code="%s%n%d" * 100, labels={"%n": "%s"}),
    "output of everything": text(task_id="output", implementation_code="import sys\nsys.stdout.buffer.write(bytes(range(256)) * 3000)\n" + SQUARE),
}
PROPERTIES = {
    "no properties": {}, "another type": {"type": "assay.result.v1"}, "a job's type": {"type": "assay.job.v1"}, "odd content type": {"content_type": "text/html"},
    "odd encoding": {"content_encoding": "gzip"}, "an id of control characters": {"message_id": "a\x01\n"}, "a long message id": {"message_id": "m" * 255},
    "an expiration": {"expiration": "60000"}, "a priority": {"priority": 255}, "a negative time": {"timestamp": 2**63}, "the year 3000": {"timestamp": 32503680000},
    "a time beyond": {"timestamp": 2**62}, "the first second": {"timestamp": 1},
    "headers of all types": {"headers": {"a": 1, "b": [1, [2, {"c": None}]], "d": {"e": {"f": datetime.datetime(2020, 1, 1)}}, "g": b"\xff\xfe", "h": True,
                                         "x-death": "none", "x-delivery-count": "many", "assay-published-ms": "yesterday"}},
    "a count below nothing": {"headers": {"x-delivery-count": -5, "assay-published-ms": -1}}, "a count beyond": {"headers": {"x-delivery-count": 2**62, "assay-published-ms": 2**62}},
    "many headers": {"headers": {f"h{i}": "v" * 100 for i in range(500)}},
    **{f"reply to {name[:30]!r}": {"reply_to": name, "correlation_id": "c"} for name in (
        "amq.rabbitmq.reply-to.xxx", "amq.rabbitmq.reply-to.", "amq.rabbitmq.reply-to.g1h3AA==.x", "amq.rabbitmq.reply-to." + "A" * 200, "amq.gen-nobody",
        "assay.results", "assay.reply.", "assay.reply.a.b", "assay.reply.nobody", "assay.tasks.python", "", "\u00e9", "amq.rabbitmq.reply-to.\x01\x02")},
}
CONTROL = ["", "{}", "null", '{"cancel": 1}', '{"cancel": ""}', '{"cancel": "' + "x" * 200 + '"}', '{"cancel": "a", "b": 1}', '{"cancel": "nobody"}', "[" * 50_000,
           b"\xff", '{"cancel": "\\ud800"}', '{"cancel": "no\\u0000body"}']
EVENTS = ["", "null", "{}", "[]", "[" * 50_000, b"\xff" * 100, '{"event": "hello"}', '{"event": "heartbeat", "worker": 1}',
          json.dumps({"event": "hello", "worker": "x" * 1000, "slots": -1, "runtimes": [None]}),
          json.dumps({"event": "heartbeat", "worker": "evil", "slots": 2**63 - 1, "busy": 2**62, "runtimes": "python", "done": 1e308}),
          json.dumps({"event": "goodbye", "worker": "'; DROP TABLE workers; --"})]
RESULTS = {
    "nothing": "", "null": "null", "a task": json.dumps(GOOD), "deep": "[" * 50_000, "bytes": b"\xff\0" * 500, "empty": "{}",
    **{f"{key}={str(value)[:20]}": json.dumps({**RESULT, key: value}) for key, value in [
        ("task_id", ""), ("task_id", "a\n"), ("task_id", None), ("job_id", 1), ("status", "good"), ("reason", "wall_time"), ("test_pass_rate", 7), ("test_pass_rate", -0.0),
        ("test_pass_rate", "NaN"), ("passed", -1), ("passed", 2**63 - 1), ("total", 2**31), ("errors", {}), ("errors", ["\ud800"]), ("errors", ["a\0b"]), ("tests", [1]),
        ("stdout", "\0" * 1000), ("stderr", "x" * 10_000_000), ("exit_code", 2**40), ("signal", 1000), ("signal", "KILL"), ("timing_ms", {}), ("timing_ms", {"run": -1}),
        ("timing_ms", {"queued": 2**62, "setup": 2**62, "compile": 2**62, "run": 2**62}), ("cpu_ms", 2**63 - 1), ("peak_memory_kb", -1), ("coverage", [[]]), ("coverage", {"percent": "x" * 1000}),
        ("worker", "\u0000"), ("worker", "x" * 100_000), ("attempt", 0), ("attempt", 2**40), ("sandbox", [{}]), ("started_at", "0000-00-00T00:00:00Z"),
        ("started_at", "9999-12-31T23:59:60Z"), ("finished_at", "infinity"), ("labels", {"a\u0000": "b"}), ("labels", {"k" * 10_000: "v"}), ("reconstruction_id", 2**63 - 1), ("unknown", 1)]},
}
JOBS = ["", "{}", "[" * 1000, '{"job_id": "j"}', '{"job_id": "j", "total": -1}', '{"job_id": "j", "total": 9223372036854775807, "labels": {}}', '{"job_id": "j\\u0000", "total": 1}',
        '{"job_id": "hostile", "total": 1e3}', '{"job_id": "j", "total": 1, "labels": {"a": "\\u0000"}}', b"\xff"]


def send(channel, exchange, key, body, **properties):
    """Not mandatory: what no queue takes is gone."""
    channel.basic_publish(exchange, key, body, pika.BasicProperties(delivery_mode=2, **properties))


def settled(site, queue):
    """Nothing ready and nothing unacknowledged, by the management API, which is some seconds late: wait for what has to come first."""
    numbers = site.management("GET", f"queues/{{vhost}}/{queue}")
    return numbers.get("messages") == 0 and numbers.get("messages_unacknowledged") == 0


def expect_honest_verdict(site, number):
    site.publish({**ECHO, "task_id": f"good-{number}"}, "bash")
    wait_until(lambda: site.sql("SELECT 1 FROM executions WHERE task_id = %s AND status = 'pass'", f"good-{number}"), 60, "the honest verdict")


def test_hostile_tasks(site):
    worker, collector = site.start_worker("python,bash"), site.start_collector()
    channel = site.pika().channel()
    channel.confirm_delivery()
    for number, body in enumerate(BODIES.values()):
        send(channel, "assay.tasks", "python", body, type="assay.task.v1", content_type="application/json", message_id=f"body-{number}")
    for number, fields in enumerate(PROPERTIES.values()):
        send(channel, "assay.tasks", "bash", json.dumps({**ECHO, "job_id": "properties", "task_id": f"p-{number}"}), **fields)
    expect_honest_verdict(site, 1)
    wait_until(lambda: site.value("SELECT count(*) FROM executions") >= len(BODIES) + len(PROPERTIES) + 1, 60, "a verdict of each")
    wait_until(lambda: all(settled(site, queue) for queue in ("assay.tasks.python", "assay.tasks.bash", "assay.results")), 60, "empty queues")
    assert worker.alive() and collector.alive()
    # Each ended with a verdict: bodies without an own id have the message's.
    assert site.value("SELECT count(*) FROM executions WHERE job_id = 'properties' AND status = 'pass'") == len(PROPERTIES)
    assert site.value("SELECT count(*) FROM executions WHERE job_id NOT IN ('properties', 'honest')") == len(BODIES), [
        row for row in site.sql("SELECT job_id, task_id, status, reason FROM executions ORDER BY 1, 2")]
    assert site.value("SELECT count(*) FROM jobs j WHERE passed + failed + timed_out + errors <> (SELECT count(*) FROM executions e WHERE e.job_id = j.job_id)") == 0
    assert site.depth("assay.dead.tasks") == site.depth("assay.dead.results") == 0


def test_large_tasks(site):
    worker, collector = site.start_worker("python,bash"), site.start_collector()
    channel = site.pika().channel()
    channel.confirm_delivery()
    for number, size in enumerate((15, 17, 60)):
        send(channel, "assay.tasks", "python", b'{"task_id": "' + b"x" * (size << 20), message_id=f"large-{number}")
    send(channel, "assay.tasks", "python", b"[" * (8 << 20))
    expect_honest_verdict(site, 1)
    wait_until(lambda: site.value("SELECT count(*) FROM executions WHERE reason = 'bad_task'") == 4, 120, "a verdict of each")
    wait_until(lambda: all(settled(site, queue) for queue in ("assay.tasks.python", "assay.tasks.bash", "assay.results")), 60, "empty queues")
    assert worker.alive() and collector.alive()


def test_hostile_results_events_and_jobs(site):
    collector, worker = site.start_collector(), site.start_worker("python,bash")
    channel = site.pika().channel()
    channel.confirm_delivery()
    for key, body in enumerate(RESULTS.values()):
        send(channel, "assay.results", f"hostile.{key}", body, type="assay.result.v1")
    send(channel, "assay.results", "hostile.pass", b"{" + b" " * (60 << 20))
    for body in JOBS:
        send(channel, "assay.results", "x.job", body, type="assay.job.v1")
    for body in CONTROL:
        send(channel, "assay.control", "", body)
    for body in EVENTS:
        send(channel, "assay.events", "worker.evil", body)
    expect_honest_verdict(site, 1)
    for number, body in enumerate(list(BODIES.values()) + list(RESULTS.values())):
        for key in ("tasks", "results", "nowhere"):
            send(channel, "assay.dead", key, body, headers={"x-death": [{"queue": "assay.tasks.python", "count": number}, None, 7], "x-first-death-reason": 5,
                                                            "sqlstate": "'", "assay-message": "\x00"} if number % 2 else None)
    expect_honest_verdict(site, 2)
    for queue in ("assay.results", "assay.dead.tasks", "assay.dead.results", "assay.tasks.python"):
        wait_until(lambda queue=queue: settled(site, queue), 90, f"an empty {queue}")
    assert worker.alive() and collector.alive()
    assert site.value("SELECT count(*) FROM jobs j WHERE passed + failed + timed_out + errors <> (SELECT count(*) FROM executions e WHERE e.job_id = j.job_id)") == 0

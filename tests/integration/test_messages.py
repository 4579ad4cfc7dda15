"""Real messages against the JSON Schemas of conf/messages/: what the programs write, and what they take."""
import json
import os
import subprocess

import jsonschema
import pytest

from lib.servers import ROOT
from lib.waiting import wait_until

CASE = {"expected_stdout": ""}
BASH = {"runtime": "bash", "implementation_code": "", "cases": [CASE]}
PYTHON = {"runtime": "python", "implementation_code": "def f():\n    return 1\n",
          "test_suite_code": "from implementation import f\n\ndef test_f():\n    assert f() == 1\n"}
FULL = {**PYTHON, "job_id": "j", "cases": [{"name": "n", "stdin": "é\n", "args": ["-x"], "expected_stdout": "", "exit_code": 0,
                                            "compare": {"float": 1e-6}}, {**CASE, "compare": "exact"}],
        "files": {"a/b.txt": "text", "b.bin": {"base64": "AAEC"}}, "test_files": {"c.txt": ""},
        "limits": {"wall_s": 20, "task_wall_s": 60.5, "cpu_s": 20, "memory_mb": 512, "processes": 32, "output_kb": 64, "disk_mb": 64,
                   "compile_wall_s": 20},
        "timeout": 20, "stop_on_first_failure": True, "labels": {"model": "m"}, "reconstruction_id": 1,
        "expires_at": "2099-01-01T00:00:00Z", "profile": "strict", "lane": "bulk", "coverage": True}

GOOD = {"smallest": BASH, "suite": PYTHON, "full": FULL}

# Refused by the schema and by the programs alike.
BAD_BY_SCHEMA = {
    "unknown-field": {**BASH, "test_suit_code": ""},
    "no-runtime": {"implementation_code": "", "cases": [CASE]},
    "no-program": {"runtime": "bash", "cases": [CASE]},
    "nothing-to-check": {"runtime": "bash", "implementation_code": ""},
    "no-cases": {**BASH, "cases": []},
    "no-expected-stdout": {**BASH, "cases": [{}]},
    "unknown-case-field": {**BASH, "cases": [{**CASE, "expected": ""}]},
    "exit-code": {**BASH, "cases": [{**CASE, "exit_code": 256}]},
    "compare": {**BASH, "cases": [{**CASE, "compare": "fuzzy"}]},
    "compare-object": {**BASH, "cases": [{**CASE, "compare": {"flaot": 1}}]},
    "tolerance": {**BASH, "cases": [{**CASE, "compare": {"float": -1}}]},
    "nul": {**BASH, "implementation_code": "a\0b"},
    "null": {**BASH, "timeout": None},
    "timeout": {**BASH, "timeout": -1},
    "timeout-text": {**BASH, "timeout": "10"},
    "unknown-limit": {**BASH, "limits": {"wall": 3}},
    "limit-zero": {**BASH, "limits": {"processes": 0}},
    "limit-fraction": {**BASH, "limits": {"memory_mb": 1.5}},
    "absolute-path": {**BASH, "files": {"/etc/passwd": ""}},
    "empty-path": {**BASH, "files": {"": ""}},
    "backslash": {**BASH, "files": {"a\\b": ""}},
    "file-number": {**BASH, "files": {"a": 1}},
    "file-object": {**BASH, "files": {"a": {"base64": "", "mode": 1}}},
    "base64": {**BASH, "files": {"a": {"base64": "A"}}},
    "many-files": {**BASH, "files": {f"f{i}": "" for i in range(1001)}},
    "label-number": {**BASH, "labels": {"a": 1}},
    "labels": {**BASH, "labels": {str(i): "" for i in range(65)}},
    "reconstruction": {**BASH, "reconstruction_id": 0},
    "lane": {**BASH, "lane": "fast"},
    "profile": {**BASH, "profile": "lax"},
    "coverage": {**BASH, "coverage": "yes"},
    "bad-job": {**BASH, "job_id": "a b"},
    "bad-runtime": {**BASH, "runtime": "Bash!"},
}

# Beyond what a schema can say.
BAD_BEYOND = {
    "parent-path": {**BASH, "files": {"a/../b": ""}},
    "collision": {**BASH, "files": {"program.sh": "", "a": "", "a/b": ""}},
    "above-maximum": {**BASH, "limits": {"memory_mb": 10 ** 9}},
    "two-timeouts": {**BASH, "timeout": 1, "limits": {"wall_s": 2}},
    "auto": {**BASH, "runtime": "auto"},  # the producer alone resolves it
    "unknown-runtime": {**BASH, "runtime": "cobol"},
    "no-suites": {**BASH, "test_suite_code": ""},
    "no-coverage": {**BASH, "coverage": True},
    "expires": {**BASH, "expires_at": "tomorrow"},
}


def validator(name):
    schema = json.loads((ROOT / f"conf/messages/{name}.schema.json").read_text())
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def check(name, message):
    problems = [f"{list(e.absolute_path)}: {e.message}" for e in validator(name).iter_errors(message)]
    assert not problems, (problems, message)


def run_local(build, folder, tasks, runtimes=None):
    """The results of `assay-worker --local`, by task_id. `tasks`: {task_id: task}"""
    file = folder / "tasks.jsonl"
    file.write_text("".join(json.dumps({"task_id": name, **task}) + "\n" for name, task in tasks.items()))
    env = {k: v for k, v in os.environ.items() if not k.startswith("ASSAY_")}
    env["ASSAY_NO_LOCAL_ENV"] = "1"
    if runtimes:
        env["ASSAY_WORKER_RUNTIMES"] = runtimes
    done = subprocess.run([build / "bin/assay-worker", "--local", file], env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=300, check=False)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(r["task_id"] for r in results) == sorted(tasks), done.stderr
    return {result["task_id"]: result for result in results}


@pytest.mark.parametrize("name", GOOD)
def test_good_tasks_are_valid(name):
    check("task", {"task_id": name, **GOOD[name]})


@pytest.mark.parametrize("name", BAD_BY_SCHEMA)
def test_bad_tasks_are_not(name):
    assert not validator("task").is_valid({"task_id": "t", **BAD_BY_SCHEMA[name]})


@pytest.mark.parametrize("name", BAD_BEYOND)
def test_what_a_schema_cannot_say(name):
    check("task", {"task_id": name, **BAD_BEYOND[name]})


def test_the_worker_judges_as_the_schema_does(build, tmp_path):
    results = run_local(build, tmp_path, {**GOOD, **BAD_BY_SCHEMA, **BAD_BEYOND}, "bash,python")
    for name, result in results.items():
        check("result", result)
        verdict = (result["status"], result["reason"])
        if name in GOOD:
            assert verdict == ("pass", "ok"), result
        else:
            assert verdict == ("error", "bad_task"), (name, result)
            assert result["errors"] and result["test_pass_rate"] is None
    assert results["full"]["coverage"] is not None
    assert results["full"]["reconstruction_id"] == 1 and results["full"]["labels"] == {"model": "m"}


VERDICTS = {
    "pass": ({**BASH, "implementation_code": "echo 'é'", "cases": [{"expected_stdout": "é"}]}, "pass", "ok"),
    "wrong": ({**BASH, "implementation_code": "printf 'a\\0b\\377'"}, "fail", "wrong_output"),
    "crash": ({**BASH, "implementation_code": "kill -SEGV $$"}, "fail", "crash"),
    "late": ({**BASH, "implementation_code": "sleep 60", "timeout": 0.5}, "timeout", "wall_time"),
    "loud": ({**BASH, "implementation_code": "yes", "limits": {"output_kb": 1}}, "fail", "output"),
    "expired": ({**BASH, "expires_at": "2020-01-01T00:00:00Z"}, "error", "expired"),
    "failing": ({**PYTHON, "implementation_code": "def f():\n    return 2\n"}, "fail", "assertion"),
    "no-import": ({**PYTHON, "implementation_code": "def g(:\n"}, "fail", "compile"),
    "no-tests": ({**PYTHON, "test_suite_code": "x = 1\n"}, "error", "no_tests"),
    "no-suite": ({**PYTHON, "test_suite_code": "def test_f(:\n"}, "error", "bad_task"),
    "gamed": ({**PYTHON, "implementation_code": "import os\nos._exit(0)\n"}, "fail", "tampered"),
}


def test_results_of_every_kind_are_valid(build, tmp_path):
    results = run_local(build, tmp_path, {name: task for name, (task, _, _) in VERDICTS.items()}, "bash,python")
    for name, (_, status, reason) in VERDICTS.items():
        check("result", results[name])
        assert (results[name]["status"], results[name]["reason"]) == (status, reason), results[name]
    assert results["wrong"]["stdout"] == "a\ufffdb\ufffd"


def test_messages_on_the_wire(vhost):
    """What the producer and the worker publish: tasks, results, the job, and the worker's events."""
    channel = vhost.pika().channel()
    for queue, exchange, key in (("seen.results", "assay.results", "#"), ("seen.tasks", "assay.tasks", "bash"),
                                 ("seen.events", "assay.events", "#")):
        channel.queue_declare(queue)
        channel.queue_bind(queue, exchange, key)
    worker = vhost.start_worker("bash", name="w-1")
    file = vhost.write_tasks([{"task_id": f"t{i}", **BASH, "labels": {"model": "m"}} for i in range(3)])
    done = vhost.producer("publish", file, "--job", "wire.1")
    assert done.returncode == 0, done.stderr

    seen = []

    def take(queue):
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method:
            seen.append((properties, method.routing_key, json.loads(body)))
        return bool(method)

    def of_type(kind):
        return [(p, key, message) for p, key, message in seen if p.type == f"assay.{kind}.v1"]

    wait_until(lambda: take("seen.results") is False and len(of_type("result")) == 3 and of_type("job"), 60, "results and the job")
    assert worker.stop() == 0
    wait_until(lambda: take("seen.events") is False and [m["event"] for _, _, m in of_type("event")][-1:] == ["goodbye"], 30, "goodbye")
    wait_until(lambda: take("seen.tasks") is False and len(of_type("task")) == 3, 30, "the tasks")

    for properties, _, message in seen:
        check(properties.type.split(".")[1], message)
        assert properties.content_type == "application/json"
    for properties, key, message in of_type("result"):
        assert properties.message_id == message["task_id"]
        assert (key, properties.delivery_mode) == ("wire_1.pass", 2)
    for properties, key, message in of_type("task"):
        assert properties.message_id == message["task_id"] and message["job_id"] == "wire.1"
        assert properties.delivery_mode == 2
    assert [key for _, key, _ in of_type("job")] == ["wire_1.job"]
    assert of_type("job")[0][2]["total"] == 3
    assert [m["event"] for _, _, m in of_type("event")][0] == "hello"
    assert all(key == "worker.w-1" for _, key, _ in of_type("event"))

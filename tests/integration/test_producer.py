"""assay-producer against a real broker; in the place of the workers a client that answers at once: what goes out, waiting for verdicts."""
import json
import os
import pty
import re
import subprocess
import time

import pika
from producing import drain, task, tasks

from lib.answers import FAILED, Answers, result

# -- what goes out ---------------------------------------------------------------------------------------------------------


def test_message_and_job_as_documented(vhost):
    path = vhost.write_tasks([task(1, labels={"model": "m"}), task(2, lane="bulk")])
    before = time.time()
    done = vhost.producer("publish", path, "--job", "j.1", "--label", "team=red", "--label", "empty=")
    assert done.returncode == 0, done.stderr
    assert "2 tasks confirmed" in done.stdout
    properties, body = vhost.get("assay.tasks.bash")
    assert body == {**task(1, labels={"model": "m"}), "job_id": "j.1"}
    assert (properties.type, properties.message_id, properties.content_type) == ("assay.task.v1", "t/1", "application/json")
    assert properties.delivery_mode == 2
    assert before - 1 <= properties.timestamp <= time.time() + 1
    assert before - 1 <= properties.headers["assay-published-ms"] / 1000 <= time.time() + 1
    assert vhost.get("assay.tasks.bash.bulk")[1]["task_id"] == "t/2"
    properties, body = vhost.get("assay.results")
    assert properties.type == "assay.job.v1"
    assert (body["job_id"], body["total"], body["labels"]) == ("j.1", 2, {"team": "red", "empty": ""})
    assert re.fullmatch("[0-9a-f]{64}", body["part"])


def test_same_tasks_are_the_same_part_in_any_order(vhost):
    first = vhost.write_tasks(tasks(3))
    second = vhost.write_tasks(tasks(3)[::-1], "reversed.jsonl")
    for path in (first, second):
        assert vhost.producer("publish", path).returncode == 0
    announced = [vhost.get("assay.results")[1] for _ in range(2)]
    assert announced[0] == announced[1]


def test_lines_without_an_id_get_a_stable_one(vhost):
    anonymous = {name: value for name, value in task(0).items() if name != "task_id"}
    path = vhost.write_tasks([anonymous])
    for _ in range(2):
        assert vhost.producer("publish", path).returncode == 0
    first, second = drain(vhost)
    assert first["task_id"] == second["task_id"] != ""


def test_several_jobs_in_one_file(vhost):
    path = vhost.write_tasks([task(0, job_id="a"), task(0, job_id="b"), task(1, job_id="b"), task(0)])
    assert vhost.producer("publish", path).returncode == 0
    totals = {}
    for _ in range(3):
        body = vhost.get("assay.results")[1]
        totals[body["job_id"]] = body["total"]
    assert totals == {"a": 1, "b": 2, "default": 1}


LANGUAGES = {"bash": "read n\necho \"$n\"\n", "python": "print(int(input()) + 1)\n", "node": "console.log('hi');\n",
             "c": "#include <stdio.h>\nint main(void) { puts(\"hi\"); }\n", "cpp": "#include <iostream>\nint main() { std::cout << 1; }\n"}


def test_auto_is_resolved_before_publishing(vhost):
    lines = [task(name, runtime="auto", implementation_code=code) for name, code in LANGUAGES.items()]
    done = vhost.producer("publish", vhost.write_tasks(lines))
    assert done.returncode == 0, done.stderr
    for name in LANGUAGES:
        found = drain(vhost, f"assay.tasks.{name}")
        assert [(one["task_id"], one["runtime"]) for one in found] == [(f"t/{name}", name)]


def test_all_of_humaneval_is_told_as_python(vhost, shared):
    lines = [{**json.loads(line), "runtime": "auto"} for line in (shared / "data/humaneval.jsonl").read_text().splitlines()]
    done = vhost.producer("publish", vhost.write_tasks(lines))
    assert done.returncode == 0, done.stderr
    found = drain(vhost, "assay.tasks.python")
    assert len(found) == len(lines) == 164 and {one["runtime"] for one in found} == {"python"}


def test_what_auto_cannot_tell_is_a_bad_line(vhost):
    done = vhost.producer("publish", vhost.write_tasks([task(1), task(2, runtime="auto", implementation_code="x = 1\n")]))
    assert done.returncode == 2 and "tasks.jsonl:2: runtime 'auto': the language cannot be told" in done.stderr
    assert "Name the runtime" in done.stderr and drain(vhost) == []


def test_run_tells_the_runtime_from_the_files(vhost):
    program, output = vhost.folder / "program.sh", vhost.folder / "output.txt"
    program.write_text("true\n")
    output.write_text("hi\n")
    with Answers(vhost, "bash.interactive", lambda one: [result(one, stdout="hi\n")]) as answers:
        done = vhost.producer("run", "--runtime", "auto", "--expect", output, program)
        assert done.returncode == 0, done.stderr
    assert answers.tasks[0]["runtime"] == "bash"
    done = vhost.producer("run", "--runtime", "auto", "--expect", output, output)
    assert done.returncode == 2 and "the language cannot be told" in done.stderr


def test_dry_run_needs_no_broker(vhost):
    done = vhost.producer("publish", vhost.write_tasks(tasks(7)), "--dry-run", env={"ASSAY_AMQP_URL": "amqp://x:y@127.0.0.1:1/z"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "7 tasks are valid" in done.stdout


def test_a_pipe_is_published_window_by_window(vhost):
    text = "".join(json.dumps(one) + "\n" for one in tasks(250)) + "\n  \n" + json.dumps(task("last"))
    done = vhost.producer("publish", "-", "--job", "piped", stdin=text)
    assert done.returncode == 0, done.stderr
    assert "251 tasks confirmed" in done.stdout
    assert vhost.depth("assay.tasks.bash") == 251
    assert vhost.get("assay.results")[1]["total"] == 251


def test_a_bad_line_in_a_pipe_ends_it_and_says_what_went_out(vhost):
    text = "".join(json.dumps(one) + "\n" for one in tasks(150)) + "nonsense\n" + json.dumps(task("after"))
    done = vhost.producer("publish", "-", stdin=text)
    assert done.returncode == 2
    assert "<stdin>:151: not JSON" in done.stderr
    published = int(re.search(r"the (\d+) tasks of the windows before were published", done.stderr).group(1))
    assert vhost.depth("assay.tasks.bash") == published == 100
    assert vhost.depth("assay.results") == 0, "an unfinished stream must not announce a total"


def test_rate_holds_back(vhost):
    start = time.monotonic()
    assert vhost.producer("publish", vhost.write_tasks(tasks(60)), "--rate", "40").returncode == 0
    assert time.monotonic() - start >= 59 / 40


def test_nobody_serves_the_runtime(vhost):
    done = vhost.producer("publish", vhost.write_tasks([task(1)]))
    assert "no worker serves the runtime 'bash'" in done.stderr
    with Answers(vhost):
        done = vhost.producer("publish", vhost.write_tasks([task(2)]), env={"ASSAY_PG_URL": ""})
    assert done.stderr == ""


# -- waiting ---------------------------------------------------------------------------------------------------------------


def test_all_pass(vhost):
    results = vhost.folder / "results.jsonl"
    results.write_text("from an older run\n")
    with Answers(vhost) as answers:
        done = vhost.producer("publish", vhost.write_tasks(tasks(120)), "--job", "j.x", "--wait", "--results", results)
    assert done.returncode == 0, done.stderr
    assert len(answers.tasks) == 120
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert sorted(line["task_id"] for line in lines) == sorted(one["task_id"] for one in tasks(120))
    assert done.stdout.count("pass     ok") == 120
    assert "120 of 120 pass, mean test pass rate 1.000" in done.stdout
    assert [queue for queue in vhost.management("GET", "queues/{vhost}?columns=name") if "wait" in queue["name"]] == []


def test_some_do_not_pass(vhost):
    def verdicts(one):
        return [result(one, **(FAILED if one["task_id"] == "t/3" else {}))]
    with Answers(vhost, verdicts=verdicts):
        path = vhost.write_tasks(tasks(10))
        done = vhost.producer("publish", path, "--wait")
        as_json = vhost.producer("publish", path, "--wait", "--format", "json")
    assert done.returncode == as_json.returncode == 1
    assert re.search(r"fail +assertion +bash +t/3 .*test_x: assert 1 == 2", done.stdout)
    assert "9 of 10 pass" in done.stdout
    lines = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [line["status"] for line in lines[:-1]].count("pass") == 9
    assert lines[-1]["type"] == "assay.summary.v1"
    assert lines[-1]["verdicts"]["fail"] == 1 and lines[-1]["confirmed"] == 10


def test_each_task_counts_once_and_others_not(vhost):
    def verdicts(one):
        other = {**one, "task_id": "stranger"}
        same_word = {**one, "job_id": "a_b"}
        return [result(other), result(same_word, **FAILED), result(one), result(one, **FAILED)]
    results = vhost.folder / "results.jsonl"
    with Answers(vhost, verdicts=verdicts):
        done = vhost.producer("publish", vhost.write_tasks(tasks(30)), "--job", "a.b", "--wait", "--results", results)
    assert done.returncode == 0, done.stdout
    assert len(results.read_text().splitlines()) == 30


def test_what_is_no_result_is_ignored(vhost):
    def verdicts(one):
        vhost_channel = connection.channel()
        for body in (b"\xff", b"{}", b"[]", b'{"task_id": 1}', b""):
            vhost_channel.basic_publish("assay.results", one["job_id"] + ".pass", body,
                                        pika.BasicProperties(type="assay.result.v1"))
        return [result(one)]
    connection = vhost.pika()
    with Answers(vhost, verdicts=verdicts):
        done = vhost.producer("publish", vhost.write_tasks(tasks(3)), "--wait")
    assert done.returncode == 0, done.stderr
    assert "3 of 3 pass" in done.stdout


def test_a_text_from_a_task_cannot_drive_the_terminal(vhost):
    with Answers(vhost, verdicts=lambda one: [result(one, **{**FAILED, "errors": ["\x1b]0;owned\x07\nsecond\x9b31m"]})]):
        done = vhost.producer("publish", vhost.write_tasks(tasks(1)), "--wait")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout)


def test_waiting_has_an_end(vhost):
    done = vhost.producer("publish", vhost.write_tasks(tasks(2)), "--wait", "--timeout", "0.5")
    assert done.returncode == 5
    assert "2 verdicts did not come" in done.stderr
    assert vhost.depth("assay.tasks.bash") == 2


def test_results_that_cannot_be_written(vhost):
    path = vhost.write_tasks(tasks(5))
    done = vhost.producer("publish", path, "--wait", "--results", "absent/results.jsonl")
    assert done.returncode == 4
    assert "absent/results.jsonl" in done.stderr and "nothing was published" in done.stderr
    assert vhost.depth("assay.tasks.bash") == 0
    with Answers(vhost):
        done = vhost.producer("publish", path, "--wait", "--results", "/dev/full")
    assert done.returncode == 4
    assert "No space left on device" in done.stderr


def test_a_file_of_results_survives_an_unreachable_broker(vhost):
    kept = vhost.folder / "results.jsonl"
    kept.write_text("precious\n")
    vhost.producer("publish", vhost.write_tasks(tasks(1)), "--wait", "--results", kept,
                   env={"ASSAY_AMQP_URL": "amqp://u:p@127.0.0.1:1/v"})
    assert kept.read_text() == "precious\n"


def test_run_shows_one_verdict(vhost):
    program, suite = vhost.folder / "program.sh", vhost.folder / "suite.txt"
    program.write_text("echo hi\n")
    suite.write_text("hi\n")

    def verdicts(one):
        return [result(one, stdout="hello\n", **(FAILED if "fail" in one["implementation_code"] else {}))]
    with Answers(vhost, "bash.interactive", verdicts) as answers:
        words = ("run", "--runtime", "bash", "--expect", suite, "--stdin", suite, "--timeout", "2.5", program)
        done = vhost.producer(*words)
        assert done.returncode == 0, done.stderr
        assert "pass/ok" in done.stdout and "  hello" in done.stdout
        program.write_text("echo fail\n")
        done = vhost.producer(*words, "--format", "json")
        assert done.returncode == 1
        assert json.loads(done.stdout)["status"] == "fail"
    assert answers.tasks[0]["cases"] == [{"stdin": "hi\n", "expected_stdout": "hi\n"}]
    assert answers.tasks[0]["timeout"] == 2.5


def test_progress_on_a_terminal(vhost):
    main, terminal = pty.openpty()
    path = vhost.write_tasks(tasks(40))
    with subprocess.Popen([vhost.build / "bin/assay-producer", "publish", path, "--rate", "40"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=terminal, env=vhost.env("assay-producer", ASSAY_LOG="text")) as child:
        os.close(terminal)
        text = b""
        try:
            while chunk := os.read(main, 4096):
                text += chunk
        except OSError:
            pass  # the end of a terminal is EIO
        assert child.wait(60) == 0
    os.close(main)
    assert re.search(rb"\r\x1b\[K\d+/40 confirmed  \d+(\.\d)?/s  ETA ", text)
    assert text.endswith(b"\r\x1b[K")

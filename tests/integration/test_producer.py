"""assay-producer against a real broker and database; in the place of the workers a client that answers at once."""
import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import time

import pika
import pytest

from lib.answers import FAILED, Answers, publish_result, result
from lib.waiting import wait_until


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


# -- bad input -------------------------------------------------------------------------------------------------------------

GOOD = json.dumps(task("good")).encode()


def changed(**fields):
    return json.dumps({**task(1), **fields}).encode()


@pytest.mark.parametrize("line, says", [
    (b"{", "not JSON"),
    (b"[1, 2]", "not a JSON object"),
    (b'"text"', "not a JSON object"),
    (b"\xff\xfe", "UTF-8"),
    (changed(implementation_code="a\0b"), "NUL"),
    (changed(implementaton_code="x"), "implementaton_code"),
    (changed(runtime="cobol"), "cobol"),
    (changed(runtime=7), "runtime"),
    (json.dumps({"task_id": "x", "runtime": "bash", "implementation_code": "x"}).encode(), "nothing to check"),
    (changed(limits={"wall_s": 1e9}), "wall_s"),
    (changed(timeout=-1), "timeout"),
    (changed(files={"/etc/passwd": "x"}), "absolute"),
    (changed(files={"a/../../b": "x"}), ".."),
    (changed(files={"a": "x", "a/b": "y"}), "a/b"),
    (changed(files={f"f{i}": "" for i in range(10000)}), "1000"),
    (changed(task_id="spaces are wrong"), "task_id"),
    (changed(task_id=""), "task_id"),
    (changed(job_id="other"), "contradicts --job mine"),
    (GOOD, "'t/good' is on line 1 already"),
])
def test_one_bad_line_stops_the_file(vhost, line, says):
    path = vhost.folder / "tasks.jsonl"
    path.write_bytes(GOOD + b"\n" + line + b"\n")
    done = vhost.producer("publish", path, "--job", "mine")
    assert done.returncode == 2, done.stderr
    assert f"{path}:2: " in done.stderr
    assert says in done.stderr
    assert "nothing was published" in done.stderr
    assert vhost.depth("assay.tasks.bash") == vhost.depth("assay.results") == 0


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", b"\xef\xbb\xbf\n"])
def test_empty_files(vhost, content):
    path = vhost.folder / "empty.jsonl"
    path.write_bytes(content)
    for done in (vhost.producer("publish", path), vhost.producer("publish", "-", stdin=content.decode())):
        assert done.returncode == 2
        assert "no tasks in it" in done.stderr


def test_a_line_of_64_mb(vhost):
    path = vhost.folder / "large.jsonl"
    with open(path, "wb") as file:
        file.write(GOOD + b"\n" + b'{"task_id": "big", "runtime": "bash", "implementation_code": "')
        for _ in range(65):
            file.write(b"x" * 1048576)
        file.write(b'"}\n{}\n')
    done = vhost.producer("publish", path)
    assert done.returncode == 2
    assert f"{path}:2: the line is longer than 67108864 bytes" in done.stderr
    assert f"{path}:3: " in done.stderr
    assert vhost.depth("assay.tasks.bash") == 0


def test_many_bad_lines_are_counted(vhost):
    path = vhost.folder / "bad.jsonl"
    path.write_text("nonsense\n" * 50)
    done = vhost.producer("publish", path)
    assert done.returncode == 2
    assert done.stderr.count("not JSON") == 20
    assert "30 more lines" in done.stderr
    assert "50 of its lines are no task" in done.stderr


@pytest.mark.parametrize("words, says", [
    ([], "no command"),
    (["publsh"], "unknown command 'publsh'"),
    (["publish"], "too few arguments"),
    (["publish", "a", "b"], "too many arguments"),
    (["publish", "tasks.jsonl", "--wiat"], "unknown option --wiat"),
    (["publish", "tasks.jsonl", "--rate", "0"], "--rate 0"),
    (["publish", "tasks.jsonl", "--job", "a b"], "--job a b"),
    (["publish", "tasks.jsonl", "--results", "r"], "--results needs --wait"),
    (["publish", "tasks.jsonl", "--label", "x"], "NAME=VALUE"),
    (["publish", "absent.jsonl"], "absent.jsonl: No such file"),
    (["publish", "."], "it is a folder"),
    (["publish", "tasks.jsonl", "--wait", "--results", "tasks.jsonl"], "is the file of the tasks itself"),
    (["run", "tasks.jsonl", "tasks.jsonl"], "--runtime NAME is needed"),
    (["run", "--runtime", "bash", "tasks.jsonl"], "a TEST file or --expect"),
    (["results", "j", "--reason", "nope"], "no such reason"),
    (["rerun", "j", "tasks.jsonl", "--reason", "assertion"], "must be one of infra"),
])
def test_wrong_usage(vhost, words, says):
    vhost.write_tasks([task(1)])
    done = vhost.producer(*words)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("content, says", [
    ('publish = { widnow = 1; };', ":1: publish.widnow"),
    ("publish = {\n window = 0;\n};", ":2: publish.window"),
    ('publish = { window = "many"; };', "publish.window"),
    ("publish = {", "syntax error"),
])
def test_wrong_configuration(vhost, content, says):
    path = vhost.folder / "producer.cfg"
    path.write_text(content)
    done = vhost.producer("status", "--config", path)
    assert done.returncode == 2
    assert says in done.stderr and str(path) in done.stderr


def test_printed_configuration_is_accepted(vhost):
    path = vhost.folder / "producer.cfg"
    path.write_text(vhost.producer("--print-config").stdout)
    done = vhost.producer("publish", vhost.write_tasks([task(1)]), "--dry-run", "--config", path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["publish", "run", "pending", "status", "results", "show", "rerun", "cancel", "dead"])
def test_help_of_each_command(vhost, command):
    done = vhost.producer(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: assay-producer {command}")
    assert "exit status" in done.stdout
    assert command in vhost.producer("--help").stdout


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


# -- what the store tells --------------------------------------------------------------------------------------------------


def store(site, task_id, status="pass", reason="ok", job="j", **more):
    row = {"job_id": job, "task_id": task_id, "runtime": "bash", "status": status, "reason": reason,
           "test_pass_rate": None if status == "error" else float(status == "pass"), **more}
    names = ", ".join(row)
    site.sql(f"INSERT INTO executions ({names}) VALUES ({', '.join(['%s'] * len(row))})", *row.values())


def test_results_in_each_format(site):
    site.sql("INSERT INTO executions (job_id, task_id, runtime, status, reason, test_pass_rate) "
             "SELECT 'j', 't/' || n, 'bash', 'pass', 'ok', 1 FROM generate_series(1, 1200) n")
    store(site, "quoted", "fail", "assertion", passed=1, failed=1, total=2, errors=json.dumps(['say "no", twice\nplease']),
          stdout="out", exit_code=1, run_ms=42)
    store(site, "broken", "error", "infra", errors=json.dumps(["sandbox"]))
    done = site.producer("results", "j")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("pass     ok") == 1200
    assert "1200 of 1202 pass" in done.stdout
    lines = [json.loads(line) for line in site.producer("results", "j", "--format", "jsonl").stdout.splitlines()]
    assert len({line["task_id"] for line in lines}) == len(lines) == 1202
    quoted = next(line for line in lines if line["task_id"] == "quoted")
    assert (quoted["errors"], quoted["exit_code"], quoted["timing_ms"]["run"]) == (['say "no", twice\nplease'], 1, 42)
    broken = next(line for line in lines if line["task_id"] == "broken")
    assert broken["test_pass_rate"] is None
    rows = list(csv.DictReader(io.StringIO(site.producer("results", "j", "--format", "csv", "--status", "fail").stdout)))
    assert len(rows) == 1
    assert (rows[0]["task_id"], rows[0]["error"]) == ("quoted", 'say "no", twice\nplease')
    done = site.producer("results", "j", "--reason", "infra", "--format", "jsonl")
    assert [json.loads(line)["task_id"] for line in done.stdout.splitlines()] == ["broken"]


def test_show_one_and_what_is_not_there(site):
    store(site, "one", "fail", "assertion", errors=json.dumps(["test_x: no"]), stdout="seen\n",
          tests=json.dumps([{"name": "test_x", "outcome": "failed", "ms": 3, "message": "no"}]))
    done = site.producer("show", "j", "one")
    assert done.returncode == 0, done.stderr
    assert "fail/assertion  j  one" in done.stdout and "failed   test_x  3 ms" in done.stdout and "  seen" in done.stdout
    assert json.loads(site.producer("show", "j", "one", "--format", "json").stdout)["stdout"] == "seen\n"
    for words, says in ((("show", "j", "two"), "no stored verdict for task 'two'"), (("show", "k", "one"), "no job 'k'"),
                        (("results", "k"), "no job 'k'"), (("status", "k"), "no job 'k'")):
        done = site.producer(*words)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_rerun_publishes_what_may_be_replaced(site):
    path = site.write_tasks(tasks(6))
    for number, (status, reason) in enumerate((("pass", "ok"), ("fail", "assertion"), ("error", "infra"), ("error", "bad_task"),
                                               ("error", "undeliverable"))):
        store(site, f"t/{number}", status, reason)
    done = site.producer("rerun", "j", path, "--reason", "infra")
    assert done.returncode == 0, done.stderr
    assert [one["task_id"] for one in drain(site)] == ["t/2"]
    done = site.producer("rerun", "j", path)
    assert "2 tasks confirmed by the broker, 4 left out" in done.stdout
    assert sorted(one["task_id"] for one in drain(site)) == ["t/2", "t/4"]
    assert site.depth("assay.results") == 0, "a rerun must not raise the job's total"
    assert "nothing to publish again" in site.producer("rerun", "j", path, "--reason", "cancelled").stdout


def test_status_of_queues_jobs_and_workers(site):
    site.sql("INSERT INTO jobs (job_id, total, done, passed, failed) VALUES ('j', 8, 4, 3, 1)")
    site.sql("INSERT INTO workers VALUES ('w-1', 'host', 7, '1', 2, 1, true, '{bash,c}', 5, 1, 10, now(), now())")
    site.producer("publish", site.write_tasks(tasks(3)))
    wait_until(lambda: re.search(r"assay.tasks.bash +3 ", site.producer("status").stdout), 60, "the management API to count")
    text = site.producer("status").stdout
    assert re.search(r"j +open +4 +8 +50.0 % +3 +1 +0 +0", text)
    assert re.search(r"w-1 +busy +2 +1 +5 +1 +bash c", text)
    found = json.loads(site.producer("status", "--format", "json").stdout)
    assert next(queue for queue in found["queues"] if queue["name"] == "assay.tasks.bash")["waiting"] == 3
    assert found["jobs"][0]["done"] == 4 and found["workers"][0]["state"] == "busy"
    over_amqp = site.producer("status", "j", env={"ASSAY_MANAGEMENT_URL": "", "ASSAY_PG_URL": site.pg_url("assay_producer")})
    assert re.search(r"assay.tasks.bash +3", over_amqp.stdout)
    wrong = site.producer("status", env={"ASSAY_MANAGEMENT_PASSWORD": "wrong"})
    assert (wrong.returncode, "401" in wrong.stderr) == (3, True)


def test_watch_ends_with_the_job(site):
    watcher = site.start("assay-producer", "status", "j", "--watch", "--interval", "0.2")
    wait_until(lambda: watcher.output().count("queue ") >= 2, 30, "two looks before the job is known")
    site.sql("INSERT INTO jobs (job_id, total, done) VALUES ('j', 2, 1)")
    wait_until(lambda: watcher.output().count("open") >= 2, 30, "two looks")
    site.sql("UPDATE jobs SET done = 2, state = 'complete' WHERE job_id = 'j'")
    assert watcher.wait(30) == 0
    assert "complete" in watcher.output()


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

"""assay-producer against a real broker: bad input, wrong usage and configuration."""
import json

import pytest
from producing import task

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

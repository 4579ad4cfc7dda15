"""What a table of gaming programs is made of: an attack, the suite it is run against, and an honest twin."""
import json
import os
import subprocess


class Attack:
    """`program` wants a pass that it has not earned; `twin` differs by being right, and must get it.

    `suite` None: the table's usual one. `more`: further fields of the task, for both. `files`, `twin_files`: further
    files of the program.
    """

    def __init__(self, name, program, suite=None, twin=None, files=None, twin_files=None, more=None):
        self.name = name
        self.program = program
        self.suite = suite
        self.twin = twin
        self.files = files
        self.twin_files = twin_files
        self.more = more or {}


def tasks(runtime, suite, honest, attacks):
    """The tasks of a table: (name, task of the attack, task of its twin)."""
    made = []
    for attack in attacks:
        common = {"runtime": runtime, "test_suite_code": attack.suite or suite, "timeout": 20, **attack.more}
        gaming = {**common, "task_id": f"{runtime}/{len(made)}/attack", "implementation_code": attack.program}
        if attack.files:
            gaming["files"] = attack.files
        twin = {**common, "task_id": f"{runtime}/{len(made)}/twin", "implementation_code": attack.twin or honest}
        if attack.twin_files:
            twin["files"] = attack.twin_files
        made.append((f"{runtime}: {attack.name}", gaming, twin))
    return made


def content(task):
    """What makes two twins the same task."""
    return json.dumps({key: value for key, value in task.items() if key != "task_id"}, sort_keys=True)


def run_local(build, folder, tasks, **environment):
    """Results of all tasks through one worker, by task_id; some of them must not pass."""
    path = folder / "tasks.jsonl"
    path.write_text("".join(json.dumps(task) + "\n" for task in tasks), encoding="utf-8")
    ran = subprocess.run([build / "bin/assay-worker", "--local", path, "--slots", "2"], capture_output=True, text=True, timeout=1200, check=False,
                         env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0", **environment})
    assert ran.returncode == 1, ran.stderr
    found = {result["task_id"]: result for result in map(json.loads, ran.stdout.splitlines())}
    assert set(found) == {task["task_id"] for task in tasks}
    return found

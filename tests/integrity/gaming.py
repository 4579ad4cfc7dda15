"""What a table of gaming programs is made of: an attack, the suite it is run against, and an honest twin."""
import json


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

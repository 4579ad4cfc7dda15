"""node's syntax check runs once a case exited with a failure: verdicts are those of a check made first."""
import json
import os
import subprocess

import pytest

GOOD, BROKEN, MODULE = "console.log(1);\n", "console.log(1;\n", "import 'node:fs';\nconsole.log(1);\n"
LEAVES = "console.log(1);\nprocess.exit(3);\n"
SPOILS = "require('fs').writeFileSync('implementation.js', '(');\nconsole.log(1);\nprocess.exit(3);\n"
ONE, THREE = {"expected_stdout": "1"}, {"expected_stdout": "1", "exit_code": 3}

# program, cases, more of the task -> status, reason, rate, outcomes, was the check made
TABLE = {
    "all pass": (GOOD, [ONE, ONE], {}, ("pass", "ok", 1.0, ["passed", "passed"], False)),
    "an ES module": (MODULE, [ONE, ONE], {}, ("pass", "ok", 1.0, ["passed", "passed"], False)),
    "another output": (GOOD, [ONE, {"expected_stdout": "2"}], {}, ("fail", "wrong_output", 0.5, ["passed", "failed"], False)),
    "an exit that was expected": (LEAVES, [THREE, THREE], {}, ("pass", "ok", 1.0, ["passed", "passed"], True)),
    "an exit that was not": (LEAVES, [ONE, THREE], {}, ("fail", "wrong_output", 0.5, ["failed", "passed"], True)),
    "stopped at it": (LEAVES, [ONE, THREE], {"stop_on_first_failure": True}, ("fail", "wrong_output", 0.0, ["failed", "not_run"], True)),
    "does not parse": (BROKEN, [ONE, ONE], {}, ("fail", "compile", 0.0, ["failed", "not_run"], True)),
    "does not parse, stopped": (BROKEN, [ONE, ONE], {"stop_on_first_failure": True}, ("fail", "compile", 0.0, ["failed", "not_run"], True)),
    "does not parse, as if expected": (BROKEN, [{"expected_stdout": "", "exit_code": 1}] * 2, {},
                                       ("fail", "compile", 0.0, ["passed", "not_run"], True)),
    "spoils itself": (SPOILS, [THREE, THREE], {}, ("fail", "compile", 0.0, ["passed", "not_run"], True)),
}


@pytest.fixture(scope="module")
def results(build):
    tasks = [{"runtime": "node", "task_id": str(n), "implementation_code": program, "cases": cases, **more}
             for n, (program, cases, more, _) in enumerate(TABLE.values())]
    done = subprocess.run([build / "bin/assay-worker", "--slots", "2", "--local", "-"], input="".join(json.dumps(task) + "\n" for task in tasks),
                          capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "ASSAY_WORKER_RUNTIMES": "node"})
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(tasks), done.stderr[-3000:]
    return {list(TABLE)[int(result["task_id"])]: result for result in found}


@pytest.mark.parametrize("name", TABLE)
def test_verdict(name, results):
    result = results[name]
    assert (result["status"], result["reason"], result["test_pass_rate"], [test["outcome"] for test in result["tests"]],
            result["timing_ms"]["compile"] > 0) == TABLE[name][3]
    assert result["reason"] != "compile" or "SyntaxError" in result["errors"][0]

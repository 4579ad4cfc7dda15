"""Programs that game their tests: none gets a pass, and none makes its suite or the machine look at fault. Beside each, the
same task with an honest program passes. All of them go through one worker."""
import gaming
import native_attacks
import node_attacks
import pytest
import python_attacks

ROWS = [
    *gaming.tasks("python", python_attacks.SUITE, python_attacks.HONEST, python_attacks.ATTACKS),
    *gaming.tasks("node", node_attacks.SUITE, node_attacks.HONEST, node_attacks.ATTACKS),
    *[row for table in native_attacks.TABLES for row in gaming.tasks(*table)],
]
TWINS = {gaming.content(twin): twin for _, _, twin in ROWS}
for runtime, table in (("python", python_attacks), ("node", node_attacks)):
    for number, program in enumerate(table.HONEST_PROGRAMS):
        TWINS[program] = {"task_id": f"{runtime}/honest/{number}", "runtime": runtime, "implementation_code": program, "test_suite_code": table.SUITE}
TWINS["hooks"] = {"task_id": "node/honest/hooks", "runtime": "node", "implementation_code": node_attacks.HONEST, "test_suite_code": node_attacks.HOOKS_SUITE}


@pytest.fixture(scope="module")
def results(build, tmp_path_factory):
    """Of all tasks, by task_id."""
    return gaming.run_local(build, tmp_path_factory.mktemp("integrity"), [attack for _, attack, _ in ROWS] + list(TWINS.values()))


@pytest.mark.parametrize("name, attack", [(name, attack) for name, attack, _ in ROWS], ids=[name for name, _, _ in ROWS])
def test_no_pass(name, attack, results):
    result = results[attack["task_id"]]
    assert result["status"] in ("fail", "timeout"), (name, result["reason"], result["errors"])
    assert result["test_pass_rate"] < 1


@pytest.mark.parametrize("twin", TWINS.values(), ids=[twin["task_id"] for twin in TWINS.values()])
def test_the_honest_twin_passes(twin, results):
    result = results[twin["task_id"]]
    assert (result["status"], result["test_pass_rate"]) == ("pass", 1), (result["reason"], result["errors"], result["stderr"])

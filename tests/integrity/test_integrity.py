"""Programs that game their tests: none gets a pass, and none makes its suite or the machine look at fault. Beside each, the
same task with an honest program passes. All of them go through one worker."""
import gaming
import native_attacks
import node_attacks
import node_inner_attacks
import pytest
import python_attacks
import python_memory
import python_replacements

ROWS = [
    *gaming.tasks("python", python_attacks.SUITE, python_attacks.HONEST, python_attacks.ATTACKS + python_memory.ATTACKS + python_replacements.ATTACKS),
    *gaming.tasks("node", node_attacks.SUITE, node_attacks.HONEST, node_attacks.ATTACKS + node_inner_attacks.ATTACKS),
    *[row for table in native_attacks.TABLES for row in gaming.tasks(*table)],
]
TWINS = {gaming.content(twin): twin for _, _, twin in ROWS}
for runtime, table, programs in (("python", python_attacks, python_attacks.HONEST_PROGRAMS + python_memory.HONEST_PROGRAMS),
                                 ("node", node_attacks, node_attacks.HONEST_PROGRAMS + node_inner_attacks.HONEST_PROGRAMS)):
    for number, program in enumerate(programs):
        TWINS[program] = {"task_id": f"{runtime}/honest/{number}", "runtime": runtime, "implementation_code": program, "test_suite_code": table.SUITE}
TWINS["hooks"] = {"task_id": "node/honest/hooks", "runtime": "node", "implementation_code": node_attacks.HONEST, "test_suite_code": node_attacks.HOOKS_SUITE}


@pytest.fixture(scope="module")
def results(build, tmp_path_factory):
    """Of all tasks, by task_id."""
    return gaming.run_local(build, tmp_path_factory.mktemp("integrity"), [attack for _, attack, _ in ROWS] + list(TWINS.values()))


@pytest.fixture(scope="module")
def under_pytest(build, tmp_path_factory):
    """Of Python's tasks, without the fast path."""
    tasks = [attack for _, attack, _ in ROWS] + list(TWINS.values())
    return gaming.run_local(build, tmp_path_factory.mktemp("pytest"), [task for task in tasks if task["runtime"] == "python"],
                            ASSAY_WARM_FAST_PATH="false")


def of_python(tasks):
    return [task for task in tasks if task["runtime"] == "python"]


def test_both_paths_are_taken(results, under_pytest):
    """As an ordinary user there may be no warm servers, and so no fast path."""
    warm = [result for result in results.values() if "warm_server" in result["sandbox"]]
    assert not warm or sum("fast_path" in result["sandbox"] for result in warm) > len(TWINS) / 4
    assert not any("fast_path" in result["sandbox"] for result in under_pytest.values())


@pytest.mark.parametrize("name, attack", [(name, attack) for name, attack, _ in ROWS], ids=[name for name, _, _ in ROWS])
def test_no_pass(name, attack, results):
    result = results[attack["task_id"]]
    assert result["status"] in ("fail", "timeout"), (name, result["reason"], result["errors"])
    assert result["test_pass_rate"] < 1


@pytest.mark.parametrize("attack", of_python([attack for _, attack, _ in ROWS]), ids=lambda attack: attack["task_id"])
def test_no_pass_under_pytest(attack, under_pytest):
    result = under_pytest[attack["task_id"]]
    assert result["status"] in ("fail", "timeout"), (result["reason"], result["errors"])
    assert result["test_pass_rate"] < 1


@pytest.mark.parametrize("twin", of_python(TWINS.values()), ids=lambda twin: twin["task_id"])
def test_the_honest_twin_passes_under_pytest(twin, under_pytest):
    result = under_pytest[twin["task_id"]]
    assert (result["status"], result["test_pass_rate"]) == ("pass", 1), (result["reason"], result["errors"], result["stderr"])


@pytest.mark.parametrize("twin", TWINS.values(), ids=[twin["task_id"] for twin in TWINS.values()])
def test_the_honest_twin_passes(twin, results):
    result = results[twin["task_id"]]
    assert (result["status"], result["test_pass_rate"]) == ("pass", 1), (result["reason"], result["errors"], result["stderr"])

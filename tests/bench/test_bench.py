"""The bench itself: it measures all there is, names what is missing and what fails, and one group's failure is its own."""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from core import report  # noqa: E402  pylint: disable=wrong-import-position
from core.measure import Group, Missing, Ratio, Variant, run_group  # noqa: E402  pylint: disable=wrong-import-position


def lack():
    raise Missing("a thing")


def break_down():
    raise ValueError("it broke")


class Mixed(Group):
    name, title = "mixed", "Of all kinds"
    calls = 0

    def count(self):
        Mixed.calls += 1
        return Mixed.calls

    def variants(self):
        return [Variant("ours", "x/s", self.count, own=True), Variant("rival", "x/s", lambda: 2 * self.count()),
                Variant("lacking", "x/s", lack), Variant("broken", "x/s", break_down)]

    def ratios(self):
        return [Ratio("ours by rival", "ours", "rival", at_least=10), Ratio("ours", "ours", None, at_most=5), Ratio("ours by lacking", "ours", "lacking")]


class Unopened(Mixed):
    def open(self):
        break_down()


def test_variants_take_turns_and_trouble_is_named():
    found = run_group(Mixed(None), 3)
    ours, rival, lacking, broken = found["rows"]
    assert (ours["rounds"], rival["rounds"], ours["median"], rival["max"]) == ([1, 3, 5], [4, 8, 12], 3, 12)
    assert lacking["missing"] == "a thing" and broken["failed"] == "ValueError: it broke"
    by_rival, itself, by_lacking = found["ratios"]
    assert (by_rival["median"], by_rival["min"], by_rival["reached"]) == (3 / 8, 1 / 4, False)
    assert (itself["median"], itself["reached"]) == (3, True)
    assert "median" not in by_lacking
    for table in (report.text([found]), report.markdown([found])):
        for words in ("missing: a thing", "FAILED: ValueError: it broke", "NOT REACHED", "reached"):
            assert words in table


def test_a_group_that_cannot_be_opened_is_named():
    found = run_group(Unopened(None), 1)
    assert found["failed"] == "ValueError: it broke" and not found["rows"]
    assert "FAILED: ValueError" in report.text([found]) and "FAILED: ValueError" in report.markdown([found])


def test_every_group_runs(build):
    """With the build under test, which is no release: the figures say nothing, that there are some does."""
    done = subprocess.run([HERE / "run", "--quick", "--build", build, "--json", "-"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    found = {group["group"]: group for group in json.loads(done.stdout)["groups"]}
    assert set(found) >= {"suites", "pytest", "cases", "humaneval", "fleet", "node", "c", "container", "latency", "producer", "pipeline", "collector", "growth", "memory"}
    for group in found.values():
        assert "missing" in group or group["rows"]
        for row in group["rows"]:
            assert "missing" in row or row["median"] is not None, (group["group"], row)

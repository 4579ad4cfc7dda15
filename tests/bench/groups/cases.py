"""Cases of a Python program: forks of an interpreter that waits for its program, beside cold starts in the same sandbox and the
interpreter outside of any."""
import subprocess
import time

from core.local import rate, run_local
from core.measure import Group, Ratio, Variant

PROGRAM = "n = int(input())\nprint(2 * n)\n"
COLD = {"ASSAY_WARM_ENABLED": "false"}


def task(name, count):
    return {"task_id": name, "runtime": "python", "implementation_code": PROGRAM, "limits": {"task_wall_s": 200},
            "cases": [{"stdin": f"{n}\n", "expected_stdout": f"{2 * n}\n"} for n in range(count)]}


class PythonCases(Group):
    name = "cases"
    title = "Python, cases of input and output: one task of 200, and 20 tasks of 5, in 1 slot"

    def one_task(self, **environment):
        """(cases a second, CPU ms a case)"""
        count = self.bench.size(200, 3)
        result = run_local(self.bench, [task("many", count)], 1, "python", **environment)[0][0]
        return count * 1000 / max(1, result["timing_ms"]["run"]), result["cpu_ms"] / count

    def small_tasks(self, **environment):
        tasks = [task(str(n), self.bench.size(5, 2)) for n in range(self.bench.size(20, 2))]
        return rate(run_local(self.bench, tasks, 1, "python", **environment)[0])

    def direct(self):
        folder, count = self.bench.new_folder(), self.bench.size(40, 2)
        (folder / "implementation.py").write_text(PROGRAM)
        began = time.monotonic()
        for n in range(count):
            subprocess.run(["/usr/bin/python3", "-s", "implementation.py"], cwd=folder, input=b"%d\n" % n, check=True, stdout=subprocess.DEVNULL)
        return count / (time.monotonic() - began)

    def variants(self):
        return [Variant("one task, forks", "cases/s", lambda: self.one_task()[0], own=True),
                Variant("one task, cold starts", "cases/s", lambda: self.one_task(**COLD)[0], own=True),
                Variant("python3 on the file, no sandbox", "cases/s", self.direct),
                Variant("one task, forks: CPU", "ms a case", lambda: self.one_task()[1], own=True),
                Variant("one task, cold starts: CPU", "ms a case", lambda: self.one_task(**COLD)[1], own=True),
                Variant("tasks of 5, forks", "tasks/s", self.small_tasks, own=True),
                Variant("tasks of 5, cold starts", "tasks/s", lambda: self.small_tasks(**COLD), own=True)]

    def ratios(self):
        return [Ratio("cases as forks by cold starts", "one task, forks", "one task, cold starts"),
                Ratio("CPU of a cold start by a fork's", "one task, cold starts: CPU", "one task, forks: CPU"),
                Ratio("cases as forks by python3 outside of a sandbox", "one task, forks", "python3 on the file, no sandbox"),
                Ratio("tasks of 5 cases, forks by cold starts", "tasks of 5, forks", "tasks of 5, cold starts")]


GROUPS = [PythonCases]

"""Node and C, beside the same programs run directly, outside of any sandbox."""
import os
import shutil
import subprocess
import time

from core.local import rate, run_local
from core.measure import Group, Missing, Ratio, Variant

NODE = {"runtime": "node", "implementation_code": "exports.double = (number) => 2 * number;\n",
        "test_suite_code": "const test = require('node:test');\nconst assert = require('node:assert');\n"
                           "const { double } = require('./implementation.js');\n\n" + "\n".join(
                               f"test('double {n}', () => assert.strictEqual(double({n}), {2 * n}));" for n in range(8)) + "\n"}
C_PROGRAM = '#include <stdio.h>\n\nint main(void)\n{\n    int n;\n    return scanf("%d", &n) != 1 || printf("%d\\n", 2 * n) < 0;\n}\n'


class Node(Group):
    name = "node"
    title = "Suites of node:test with 8 small tests"

    def open(self):
        if not shutil.which("node"):
            raise Missing("nodejs")

    def direct(self):
        folder, count = self.bench.new_folder(), self.bench.size(40, 2)
        (folder / "implementation.js").write_text(NODE["implementation_code"])
        (folder / "test_implementation.js").write_text(NODE["test_suite_code"])
        began = time.monotonic()
        for _ in range(count):
            subprocess.run(["/usr/bin/node", "test_implementation.js"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return count / (time.monotonic() - began)

    def ours(self, executor=None):
        return rate(run_local(self.bench, [{**NODE, "task_id": f"n{n}"} for n in range(self.bench.size(60, 2))], 1, "node", executor)[0])

    def variants(self):
        return [Variant("assay-worker --local, 1 slot", "suites/s", self.ours, own=True),
                Variant("node on the file, no sandbox", "suites/s", self.direct)]

    def ratios(self):
        return [Ratio("our time by node's", "node on the file, no sandbox", "assay-worker --local, 1 slot", at_most=1.15)]


class CCases(Group):
    name = "c"
    title = "C, compiled once, a case of input and output after the other"

    def open(self):
        if not shutil.which("gcc"):
            raise Missing("gcc")
        self.count = self.bench.size(200, 3)
        self.folder = self.bench.new_folder()
        (self.folder / "program.c").write_text(C_PROGRAM)
        subprocess.run(["gcc", "-O2", "-o", "program", "program.c"], cwd=self.folder, check=True)

    def direct(self):
        """fork, exec, input, output, wait."""
        began = time.monotonic()
        for number in range(self.count):
            (in_read, in_write), (out_read, out_write) = os.pipe(), os.pipe()
            os.write(in_write, b"%d\n" % number)
            os.close(in_write)
            pid = os.posix_spawn(self.folder / "program", ["program"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, in_read, 0),
                                                                                         (os.POSIX_SPAWN_DUP2, out_write, 1)])
            os.close(in_read)
            os.close(out_write)
            assert os.read(out_read, 100) == b"%d\n" % (2 * number)
            os.close(out_read)
            assert os.waitpid(pid, 0)[1] == 0
        return (time.monotonic() - began) * 1000 / self.count

    def ours(self, executor=None):
        cases = [{"stdin": f"{n}\n", "expected_stdout": f"{2 * n}\n"} for n in range(self.count)]
        results = run_local(self.bench, [{"task_id": "c", "runtime": "c", "implementation_code": C_PROGRAM, "cases": cases,
                                          "limits": {"task_wall_s": 60}}], 1, "c", executor)[0]
        return results[0]["timing_ms"]["run"] / self.count

    def variants(self):
        return [Variant("a case in the sandbox", "ms", self.ours, own=True), Variant("fork and exec outside", "ms", self.direct),
                Variant("what the sandbox adds to a case", "ms", lambda: self.ours() - self.direct(), own=True)]

    def ratios(self):
        return [Ratio("ms that the sandbox adds to a case", "what the sandbox adds to a case", None, at_most=1.5)]


GROUPS = [Node, CCases]

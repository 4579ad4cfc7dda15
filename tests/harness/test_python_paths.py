"""pytest makes the path of a file once, and of what depends on where the process is, each time."""
import pathlib
import subprocess
import sys

HARNESS = pathlib.Path(__file__).resolve().parents[2] / "worker/harness/python"
CHECK = """
import os, pathlib, sys
sys.path.insert(0, sys.argv[1])
import _pytest.pathlib, _pytest._code.code, _pytest.nodes
from assay_harness import paths
original = _pytest.pathlib.absolutepath
paths.know()
ours = _pytest.nodes.absolutepath
assert ours is not original and _pytest._code.code.absolutepath is ours and _pytest.pathlib.absolutepath is original

class Text(str):
    pass

for folder in ("/", "/usr"):
    os.chdir(folder)
    for path in ("/a/../b", "//a/./b/", "c", "", ".", "../d", "/" + "e" * 300, Text("/f"), pathlib.Path("/g/../h"), pathlib.Path("i")):
        for _ in range(2):
            assert ours(path) == original(path) and str(ours(path)) == str(original(path)), path
assert ours("/a/../b") is ours("/a/../b") and ours("c") is not ours("c")
for number in range(2 * paths.PATHS_MAX):
    assert ours("/%d" % number) == pathlib.Path("/%d" % number)
assert len(next(cell.cell_contents for cell in ours.__closure__ if type(cell.cell_contents) is dict)) == paths.PATHS_MAX
assert _pytest._code.code.Code.from_function(original).path == pathlib.Path(_pytest.pathlib.__file__)
print("same")
"""


def test_paths_are_the_same():
    done = subprocess.run([sys.executable, "-s", "-c", CHECK, HARNESS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "same\n"), done.stderr

"""Every command in README.md and docs/ is run: each ```sh block, in the order of the text, in a fresh copy of the tree.

The README's blocks frame the others: its first ones start the fleet, its last one stops it; the blocks of docs/ run in between.
A block that is not to be run here stands under an HTML comment `<!-- not run by the tests: REASON -->`.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(<!-- not run by the tests: [^\n]+ -->\n)?```sh\n(.*?)```", re.DOTALL)


def blocks_of(path):
    return [(f"{path.relative_to(ROOT)}#{number}", match[2]) for number, match in
            enumerate(BLOCK.finditer(path.read_text(encoding="utf-8")), 1) if match[1] is None]


def all_blocks():
    readme = blocks_of(ROOT / "README.md")
    # tests/run is what runs this test.
    readme = [(name, text) for name, text in readme if text.strip() != "tests/run"]
    docs = [block for path in sorted((ROOT / "docs").glob("*.md")) for block in blocks_of(path)]
    return readme[:-1] + docs + readme[-1:]


@pytest.fixture(scope="module")
def clone():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="assay-docs-", dir="/var/tmp"))
    tree = folder / "assay"
    names = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, names.decode().split("\0")):
        source, target = ROOT / name, tree / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    # A state of its own that is not named: the commands must find it by the clone alone.
    environment["XDG_STATE_HOME"] = str(folder / "state")
    yield tree, environment
    subprocess.run([tree / "compose/local", "reset", "--yes"], env=environment, stdin=subprocess.DEVNULL, check=False,
                   capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def broken():
    """The block that failed, if one has."""
    return []


@pytest.mark.parametrize("name, text", [pytest.param(name, text, id=name) for name, text in all_blocks()])
def test_block(clone, broken, name, text):
    assert not broken, f"{broken[0]} failed, and what follows builds on it: a job without workers would be waited for"
    tree, environment = clone
    broken.append(name)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=tree, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{name}\n{text}\n{done.stdout}\n{done.stderr}"
    broken.clear()

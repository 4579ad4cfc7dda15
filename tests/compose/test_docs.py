"""The commands of docs/deployment.md, in their order, as a reader types them."""
import os
import pathlib
import re

from engine import ROOT
from fleet import Fleet

BLOCK = re.compile(r"<!-- not run by the tests: tests/run compose [^\n]+ -->\n```sh\n(.*?)```", re.DOTALL)

# `docker compose` where only docker-compose is installed, and what this machine has instead of public images.
SHIM = """#!/bin/bash
set -e
real=$(PATH=${{PATH#*:}} command -v docker)
[ "$1" = compose ] || exec "$real" "${{@//assay\\/producer/assaytest/producer}}"
shift
[ "$1" != version ] || exec "$real" compose version
if "$real" compose version >/dev/null 2>&1; then exec "$real" compose "$1" "$2" -f {override} "${{@:3}}"; fi
exec docker-compose "$1" "$2" -f {override} "${{@:3}}"
"""


def test_every_block_of_the_page_works(images, tmp_path):
    """One fleet, under the name that compose gives it by itself (compose, the folder's)."""
    fleet = Fleet(images, tmp_path, workers=1)
    fleet.project = "compose"
    (tmp_path / "tasks/demo.jsonl").write_text((ROOT / "compose/demo/demo.jsonl").read_text())
    shim = tmp_path / "bin/docker"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(override=fleet.override))
    shim.chmod(0o755)
    blocks = BLOCK.findall(pathlib.Path(ROOT / "docs/deployment.md").read_text(encoding="utf-8"))
    assert len(blocks) == 5
    try:
        for text in blocks:
            done = images.engine.run("bash", "-euo", "pipefail", "-c", text, cwd=ROOT, check=False,
                                     env={**fleet.env, "PATH": f"{shim.parent}:{os.environ['PATH']}"})
            assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        assert len(fleet.containers("worker-python")) == 2
        assert fleet.engine.docker("run", "--rm", "-v", "compose_shared:/shared:ro", images.base, "ls", "/shared").stdout == "runtimes.cfg\n"
    finally:
        fleet.down()

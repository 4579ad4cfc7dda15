"""compose/image: layers that are kept, versions to go back to, and checks that stop a build with the layer's name."""
import concurrent.futures
import contextlib
import json
import re
import shutil
import subprocess

import pytest
from engine import ROOT
from fleet import ROLES, Fleet, run_demo


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy to change."""
    folder = tmp_path_factory.mktemp("images") / "assay"
    names = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, names.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/fuzz"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


class Changed:
    """A file of the tree with a change in it, for a while."""

    def __init__(self, path, change):
        self.path, self.before, self.change = path, path.read_text(encoding="utf-8"), change

    def __enter__(self):
        after = self.change(self.before)
        assert after != self.before
        self.path.write_text(after, encoding="utf-8")

    def __exit__(self, *_):
        self.path.write_text(self.before, encoding="utf-8")


def manifest(images, role):
    return json.loads(images.engine.docker("run", "--rm", "--entrypoint", "cat", f"assaytest/{role}:current", "/image-manifest.json").stdout)


def versions(images, role):
    """{version: is it current?} as `list` prints them."""
    lines = images.command("list", role).stdout.splitlines()[1:]
    return {int(line.split()[1]): line.split()[2] == "current" for line in lines}


@pytest.mark.parametrize("role", ROLES)
def test_an_image_says_what_is_in_it(images, role):
    found = manifest(images, role)
    assert found["name"] == role and re.fullmatch("sha256:[0-9a-f]{64}", found["checksum"]) and found["packages"]["librabbitmq4"]
    labels = json.loads(images.engine.docker("image", "inspect", f"assaytest/{role}:current").stdout)[0]["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == found["version"] and labels["org.opencontainers.image.created"] == found["built_at"]
    if role == "worker-python":
        assert {"python3-pytest", "python3-pytest-cov", "python3-pytest-timeout"} <= found["packages"].keys()
    assert "gcc" not in found["packages"] or role == "worker-native"


def test_nothing_changed_makes_no_new_version(images, tree):
    before = versions(images, "worker-python")
    assert "is up to date" in images.command("build", "worker-python", root=tree).stderr
    assert versions(images, "worker-python") == before


def test_a_changed_c_file_rebuilds_the_last_layers_only_and_a_rollback_undoes_it(images, tree, tmp_path):
    """The new program runs, is gone after the rollback, and the fleet works on what came back."""
    before = next(version for version, current in versions(images, "worker-python").items() if current)

    def said(word):
        return images.engine.docker("run", "--rm", f"assaytest/worker-python:{word}", "assay-worker", "--help").stdout

    with Changed(tree / "worker/options.c", lambda text: text.replace("Usage: assay-worker", "USAGE: assay-worker", 1)):
        built = images.command("build", "worker-python", "collector", root=tree).stderr
    # Of the programs of a worker one differs; what came before (Debian, Python, pytest) and its harnesses are the same.
    new, all_layers = map(int, re.search(r"worker-python: version \d+ is current, (\d+) of (\d+) layers new", built).groups())
    assert 1 <= new <= 5 and all_layers >= new + 7, built
    assert "collector: version" in built and "is up to date" in built.split("collector:")[1]
    log = (tree / "build/images.log").read_text()
    assert not re.search(r"^(Unpacking|Setting up) ", log, re.MULTILINE)  # no package was installed again
    assert 1 <= int(re.search(r"Misses: +(\d+)", log).group(1)) <= 3, log  # of 200 files; it belongs to more than one program
    assert said("current").startswith("USAGE") and said(before).startswith("Usage")

    assert f"version {before} is current again" in images.command("rollback", "worker-python").stderr
    assert said("current").startswith("Usage") and versions(images, "worker-python")[before]
    fleet = Fleet(images, tmp_path)
    try:
        run_demo(fleet.up(), "after-rollback")
    finally:
        fleet.down()


def test_the_last_three_are_kept(images, tree):
    for number in range(3):
        with Changed(tree / "compose/images/checks/harness", lambda text, number=number: text + f"# {number}\n"):
            assert images.command("build", "producer", root=tree).returncode == 0
    kept = versions(images, "producer")
    assert len(kept) == 3 and kept[max(kept)]
    images.command("rollback", "producer")
    images.command("rollback", "producer")
    done = images.command("rollback", "producer", check=False)
    assert done.returncode == 2 and "is the oldest that is kept" in done.stderr
    assert versions(images, "producer")[min(kept)]


def test_two_builds_at_once_make_two_versions(images, tree, tmp_path):
    """Of two clones on one engine: each version is what its own clone says, and none has taken the other's number or half-built image."""
    marks, before = {"first": tree, "second": tmp_path / "assay"}, max(versions(images, "producer"))
    shutil.copytree(tree, marks["second"], ignore=shutil.ignore_patterns("build"))
    with contextlib.ExitStack() as changes:
        for mark, clone in marks.items():
            changes.enter_context(Changed(clone / "compose/images/checks/harness", lambda text, mark=mark: text + f"# {mark}\n"))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            done = list(pool.map(lambda clone: images.command("build", "producer", root=clone, check=False), marks.values()))
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    made = [int(re.search(r"producer: version (\d+) is current", one.stderr).group(1)) for one in done]
    assert sorted(made) == [before + 1, before + 2]
    for mark, version in zip(marks, made):
        text = images.engine.docker("run", "--rm", "--entrypoint", "tail", f"assaytest/producer:{version}", "-n", "1", "/assay/checks/harness").stdout
        assert text == f"# {mark}\n"


BROKEN = {  # layer: what is done to it before which line of the Dockerfile, and what its check says
    "base": ("RUN chmod u+s /usr/bin/env", "COPY compose/images/checks/base", "set-uid programs: /usr/bin/env"),
    "runtime": ("RUN rm -f /usr/bin/python3", "COPY compose/images/checks/runtime", "python3 does not work"),
    "frameworks": ("RUN rm -r /usr/lib/python3/dist-packages/pytest_timeout.py", "COPY compose/images/checks/frameworks", "pytest_timeout"),
    "harness": ("RUN rm /usr/local/share/assay/conf/runtimes.cfg", "COPY compose/images/checks/harness", "runtimes.cfg is missing"),
    # A probe that tries nothing has found nothing to be held.
    "self-attack": ("RUN ln -sf /bin/true /usr/local/bin/assay-probe", "ENV ASSAY_SANDBOX_SETTING", "BROKEN"),
}


@pytest.mark.parametrize("layer", BROKEN)
def test_a_broken_layer_stops_the_build_with_its_name(images, tree, layer):
    step, place, says = BROKEN[layer]
    before = versions(images, "worker-python")
    with Changed(tree / "compose/images/worker-python.Dockerfile", lambda text: text.replace(place, f"{step}\n{place}", 1)):
        done = images.command("build", "worker-python", root=tree, check=False)
    assert done.returncode == 1 and f"worker-python: layer {layer} failed; nothing was changed" in done.stderr, done.stderr
    assert says in done.stderr
    assert versions(images, "worker-python") == before


def test_a_requirement_without_a_version_is_refused(images, tree):
    """Before anything is fetched; the message names file, line and remedy."""
    with Changed(tree / "compose/images/requirements.txt", lambda text: text + "six\n"):
        done = images.command("build", "worker-python", root=tree, check=False)
    assert done.returncode == 1 and "worker-python: layer frameworks failed" in done.stderr
    assert "2:six" in done.stderr and "requirements.txt: a line names no version; write name==1.2.3" in done.stderr, done.stderr


def test_a_role_that_does_not_exist_is_refused(images):
    done = images.command("build", "worker-perl", check=False)
    assert done.returncode == 2 and "no image 'worker-perl'; there are: worker-python" in done.stderr

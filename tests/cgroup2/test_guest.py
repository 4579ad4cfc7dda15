"""cgroup v2 in a guest: a stock Debian kernel under QEMU, all controllers in v2, tests of the sandbox inside. By name only:

    tests/run cgroup2               needs root (debootstrap); some minutes

    ASSAY_TEST_GUEST_ACCELERATOR    of QEMU: tcg (default, needs nothing), or kvm
    ASSAY_TEST_GUEST_TESTS          what to run inside (default: inside.py; with tests/sandbox behind it all attacks, which takes an hour
                                    without kvm)

The guest's Debian is made once, in build/guest; the tests and the build under test are copied in for each run. Its kernel is Debian 12's
(6.1), so that this is also the run with an older Landlock (ABI 2: no scopes, no rights on the network).
"""
import os
import pathlib
import shutil
import subprocess
import xml.etree.ElementTree as tree

import pytest

from lib.servers import ROOT
from lib.skipping import skip

HERE = pathlib.Path(__file__).resolve().parent
DEBIAN = ROOT / "build/guest"
PACKAGES = ("python3 python3-pytest python3-pika python3-psycopg2 python3-jsonschema procps util-linux libasan8 libubsan1 librabbitmq4 libpq5 "
            "libjansson4 libcurl4 libconfig9 libmicrohttpd12 libssl3 libseccomp2 busybox-static")
PROGRAMS = ("assay-worker", "assay-slot-init", "assay-probe", "sandbox_driver")
MEMORY_MB = 4096
TESTS = "tests/cgroup2/inside.py"


def run(*words, **more):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        skip("guest", f"{words[0]}: {(done.stdout + done.stderr)[-300:]}")
    return done.stdout


def debian(folder):
    """DEBIAN holds `root`, without a kernel, and `vmlinuz`. Made below another name until it is whole."""
    if DEBIAN.is_dir():
        return
    made = folder / "guest"
    made.mkdir()
    run("debootstrap", "--variant=minbase", f"--include={PACKAGES.replace(' ', ',')}", "bookworm", made / "root", timeout=1800)
    name = next(line.split()[-1] for line in run("apt-cache", "depends", "linux-image-cloud-amd64").splitlines() if "Depends:" in line)
    run("apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", name, cwd=made, timeout=600)
    run("dpkg-deb", "-x", next(made.glob("*.deb")), made / "kernel")
    shutil.copy(next(made.glob("kernel/boot/vmlinuz-*")), made / "vmlinuz")
    shutil.rmtree(made / "kernel")
    DEBIAN.parent.mkdir(exist_ok=True)
    shutil.move(made, DEBIAN)


def fill(root, build):
    """The tests and the programs, at the paths that they have here: those are compiled in."""
    run("cp", "-a", DEBIAN / "root", root)
    files = run("git", "-C", ROOT, "ls-files", "-z", "tests", "compose/lib", "worker/harness", "conf").split("\0")
    for name in filter(None, files):
        target = root / ROOT.relative_to("/") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    programs = root / build.resolve().relative_to("/") / "bin"
    programs.mkdir(parents=True)
    for name in PROGRAMS:
        shutil.copy(build / "bin" / name, programs)
    shutil.copy(HERE / "init", root / "init")
    settings = {"ASSAY_ROOT": ROOT, "ASSAY_BUILD": build.resolve(), "ASSAY_SANDBOX_TASKS": os.environ.get("ASSAY_SANDBOX_TASKS", "100"),
                "GUEST_TESTS": os.environ.get("ASSAY_TEST_GUEST_TESTS", TESTS),
                "PYTHONDONTWRITEBYTECODE": 1, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
    (root / "guest.env").write_text("".join(f"export {key}='{value}'\n" for key, value in settings.items()))


def boot(folder):
    """Until it powers itself off; the report of its tests."""
    archive = folder / "initrd"
    with open(archive, "wb") as out:
        subprocess.run("find . -print0 | cpio -0 -o -H newc --quiet", shell=True, cwd=folder / "root", stdout=out, check=True)
    accelerator = os.environ.get("ASSAY_TEST_GUEST_ACCELERATOR", "tcg")
    report, log = folder / "report.xml", ROOT / "build/guest.log"
    done = subprocess.run(["qemu-system-x86_64", "-accel", accelerator, "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MB), "-display", "none",
                           "-monitor", "none", "-no-reboot", "-serial", f"file:{log}", "-serial", f"file:{report}", "-kernel", DEBIAN / "vmlinuz",
                           "-initrd", archive, "-append", "console=ttyS0 quiet panic=-1 rdinit=/init"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=5400, check=False)
    assert report.is_file() and report.stat().st_size > 0, done.stderr + log.read_text(errors="replace")[-3000:]
    return tree.fromstring(report.read_bytes())


@pytest.fixture(scope="module")
def cases(build, tmp_path_factory):
    if os.geteuid() != 0:
        skip("guest", "debootstrap needs root")
    for program in ("qemu-system-x86_64", "debootstrap", "cpio"):
        if not shutil.which(program):
            skip("guest", f"{program} is not installed")
    folder = tmp_path_factory.mktemp("guest")
    try:
        debian(folder)
        fill(folder / "root", build)
        yield list(boot(folder).iter("testcase"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def names(cases, kind):
    return [f"{case.get('classname')}.{case.get('name')}" for case in cases if case.find(kind) is not None]


def test_every_test_in_the_guest_passes(cases):
    assert names(cases, "failure") == [] and names(cases, "error") == []


def test_those_of_cgroup_v2_have_run(cases):
    own = [case for case in cases if "inside" in case.get("classname")]
    assert len(own) == 7 and names(own, "skipped") == []

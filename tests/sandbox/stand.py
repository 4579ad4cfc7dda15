"""The container setting without an engine: what compose/executor.yaml has a container be, made by unshare, where root has cgroup v1."""
import os
import pathlib
import subprocess

from sandboxes import ATTACK, PROGRAMS, SECRET, SERVERS, WARM, Sandbox

from lib.proc import descendants
from lib.servers import ROOT
from lib.skipping import skip
from lib.waiting import wait_until

CONTROLLERS = {"memory": {"memory.limit_in_bytes": 2 << 30}, "pids": {"pids.max": 512}, "cpuacct": {}}
CGROUPS = pathlib.Path("/sys/fs/cgroup")
DEVICES = ("null", "zero", "full", "random", "urandom")
ETC = ("alternatives", "group", "ld.so.cache", "nsswitch.conf", "passwd", "shadow")
# $1: where to; $2: the clone; $3: the folder of the programs; $4: the name of the cgroups.
MAKE = f"""
set -e
root=$1 clone=$2 programs=$3 group=$4
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir -p usr etc/assay proc dev/shm dev/mqueue dev/pts work tmp run/assay run/secrets run/lock var/tmp assay root
mkdir -p opt/assay opt/attacks opt/home/worker/harness opt/home/conf
echo "$ASSAY_TEST_SECRET" | tee etc/assay/worker.cfg > run/secrets/broker
for name in bin sbin lib lib64; do ln -s usr/$name $name; done
ln -s /opt/home/worker/harness assay/harness
for name in {" ".join(ETC)}; do cp -a /etc/$name etc/; done
mount --bind /usr usr
mount --bind "$programs" opt/assay
mount --bind "$clone/tests/sandbox" opt/attacks
mount --bind "$clone/worker/harness" opt/home/worker/harness
mount --bind "$clone/conf" opt/home/conf
for name in {" ".join(DEVICES)}; do touch dev/$name; mount --bind /dev/$name dev/$name; done
for name in {" ".join(CONTROLLERS)}; do
    mkdir -p sys/fs/cgroup/$name; mount --bind /sys/fs/cgroup/$name/$group sys/fs/cgroup/$name; mount -o remount,bind,ro sys/fs/cgroup/$name
done
mount -t proc proc proc
mount -t tmpfs -o size=256m,nr_inodes=32768,mode=1777,nosuid,nodev tmpfs work
mount -t tmpfs -o size=64m,nr_inodes=8192,mode=1777,nosuid,nodev tmpfs tmp
mount -t tmpfs -o size=64m,nr_inodes=8192,mode=1777,noexec,nosuid,nodev tmpfs dev/shm
mount -t tmpfs -o size=1m,mode=0755 tmpfs run/assay
mount -o remount,bind,ro "$root"
shift 4
exec chroot "$root" setpriv --bounding-set=-all,+setuid,+setgid,+kill --inh-caps=-all --clear-groups --no-new-privs tini -s -- sh -c \
    '"$@" || {{ status=$?; [ $status -ge 128 ] || exit $status; exec sleep infinity; }}' driver "$@"
"""


class Stand(Sandbox):
    """One such container, and one open sandbox in it; `program`: something else than the driver, with its words. It lasts longer than one
    that was killed."""

    count = 0

    def __init__(self, build, folder, warm=None, script=WARM.name, program=None, environment=None, mem_limit=2 << 30, **options):  # pylint: disable=super-init-not-called
        if os.geteuid() != 0 or not all((CGROUPS / name / "cgroup.procs").is_file() for name in CONTROLLERS):
            skip("container_stand", "a container without an engine needs root and cgroup v1")
        Stand.count += 1
        self.build, self.folder = build, folder
        self.setting, self.warm = "container", warm
        self.groups = [CGROUPS / name / f"assaystand{os.getpid()}n{Stand.count}" for name in CONTROLLERS]
        for group, limits in zip(self.groups, CONTROLLERS.values(), strict=True):
            group.mkdir()
            for name, value in limits.items():
                (group / name).write_text(str(mem_limit if name == "memory.limit_in_bytes" else value))
        root = folder / f"root{Stand.count}"
        root.mkdir()
        words = program or ["/opt/assay/sandbox_driver", "--setting", "container", "--slot", "1",
                            *(word for path in PROGRAMS for word in ("--file", f"{path.name}=/opt/attacks/{path.name}")),
                            *([SERVERS[warm], f"/opt/attacks/{script}"] if warm else []),
                            *(str(word) for name, value in options.items() for word in ("--" + name.replace("_", "-"), value))]
        shell = ["unshare", "--mount", "--propagation", "private", "--pid", "--ipc", "--fork", "--kill-child", "sh", "-c", MAKE, "stand", root, ROOT,
                 build / "bin", self.groups[0].name]
        self.process = subprocess.Popen([*map(str, shell), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=self._join,
                                        env={"PATH": os.environ["PATH"], "ASSAY_TEST_SECRET": SECRET, "ASSAY_HOME": "/opt/home",
                                             "ASAN_OPTIONS": "detect_leaks=0", "TMPDIR": "/run/assay", **(environment or {})})
        if program is None:
            self._expect_open()

    def _join(self):
        for group in self.groups:
            (group / "cgroup.procs").write_text("0")

    def _first(self):
        """The container's first process, as the machine counts."""
        return descendants(self.process.pid)[0]

    def _enter(self, *words):
        return ["nsenter", "--target", str(self._first()), "--mount", "--pid", "--ipc", "--root", "--wd=/", *map(str, words)]

    def inside(self, *words):
        """In the container, as root of the machine: what it prints."""
        done = subprocess.run(self._enter(*words), capture_output=True, text=True, check=False, timeout=60)
        return done.stdout.strip()

    def start_inside(self, *words):
        """The same, side by side with the tests; it ends with the container."""
        subprocess.Popen(self._enter(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # pylint: disable=consider-using-with

    def check(self):
        """What the worker's own --check says, in a container of its own."""
        other = Stand(self.build, self.folder, program=["/opt/assay/assay-worker", "--check"])
        try:
            return other.process.communicate(timeout=180)[0]
        finally:
            other.remove()

    def control(self, name, *arguments):
        return self.inside("python3", f"/opt/attacks/{ATTACK.name}", name, *arguments)

    @property
    def pid(self):
        """Of the driver, as the container counts."""
        return int(self.inside("pgrep", "-o", "-x", "sandbox_driver"))

    def processes(self):
        return sorted(self.inside("ps", "-eo", "uid=,comm=").split("\n"))

    def files(self):
        return self.inside("ls", "-A", "/work", "/tmp", "/dev/shm").split()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        status = self.process.wait(60)
        self.remove()
        return status

    def remove(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        for group in self.groups:
            if group.exists():
                wait_until(lambda group=group: not (group / "cgroup.procs").read_text(encoding="ascii"), 30, "the container's processes to end")
                group.rmdir()

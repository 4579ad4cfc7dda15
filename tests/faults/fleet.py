"""The programs of a campaign: started as an orchestrator would, and again when they have ended; met by faults by their role."""
import os
import pathlib
import signal

from machine import Clock, Disk, Tablespace
from network import Network

from lib.proc import children, read, started, stat_of

# Of a program that came to its end as it should, was killed, or could not work at the moment: broker or database unreachable (3), disk full (4).
EXPECTED_ENDS = (0, 3, 4, 143, -signal.SIGKILL, -signal.SIGTERM)
# Each program by itself, at the end, on a release build: what it holds is bounded by its configuration.
MEMORY_MAX_KB = 200 * 1024


class Fleet:
    """`files` of tasks: each is published by one of the publishers, with --wait, the next when it has all its verdicts. With `network` the programs run behind a Network; with `disk` (megabytes) their temporary
    files and the publisher's results are on a Disk of their own, the rows on another; with `clocks` each has its own wall clock."""

    def __init__(self, site, files, publish=(), slots=2, network=False, disk=0, clocks=False):
        self.site, self.slots, self.clocks = site, slots, clocks
        self.files, self.publish, self.current = list(files), list(publish), {}
        self.roles = {}        # name -> Process
        self.uids = {}         # worker -> the first of its sandboxes' user ids, also when it is started again
        self.sessions = {}     # of the programs: pid of the leader -> when that started
        self.groups_before = _groups()  # named by pids too, which come again
        self.network = self.disk = self.tablespace = None
        try:
            if network:
                self.network = Network([site.servers.port(name) for name in ("amqp", "management", "postgresql")])
            if disk:
                self.disk = Disk(site.folder / "disk", disk)
                self.tablespace = Tablespace(site, disk)
        except BaseException:
            self.close()
            raise

    def close(self):
        for part in (self.network, self.disk, self.tablespace):
            if part is not None:
                part.close()

    # -- starting ----------------------------------------------------------------------------------------------------------

    def _environment(self, role):
        env = {}
        if self.disk is not None:
            env["TMPDIR"] = self.disk.folder / "tmp"
            env["TMPDIR"].mkdir(exist_ok=True)
        if self.clocks:
            self.set_clock(role, 0)
            env.update(Clock(self._clock_file(role)).environment())
        return env

    def _clock_file(self, role):
        return self.site.folder / f"{role}.clock"

    def results_of(self, file):
        return self.disk.folder / file.with_suffix(".results").name

    def start_producer(self, role):
        """With the next file, while there is one."""
        if self.files:
            self.current[role] = self.files.pop(0)
            self.start(role)

    def start(self, role):
        site, env = self.site, self._environment(role)
        before = [] if self.network is None else self.network.before
        if self.network is not None:
            program = "assay-" + role.rstrip("0123456789")
            env.update({name: self.network.address(value) for name, value in site.env(program).items() if "127.0.0.1" in value})
        if role.startswith("worker"):
            if role in self.uids:
                env["ASSAY_WORKER_UID_BASE"] = self.uids[role]
            made = site.start_worker("bash,python,c", slots=self.slots, name=role, wait=False, before=before, ASSAY_WORKER_DRAIN_S=5, **env)
            self.uids[role] = made.uid_base
        elif role.startswith("collector"):
            made = site.start_collector(wait=False, before=before, ASSAY_COLLECTOR_NAME=role, **env)
        else:
            file = self.current[role]
            results = [] if self.disk is None else ["--results", self.results_of(file)]
            made = site.start("assay-producer", "publish", file, "--wait", *self.publish, *results, env=env, before=before)
        self.roles[role] = made
        self.sessions[made.pid] = started(made.pid)

    def keep_up(self):
        """What an orchestrator does: what has ended is started again. True when all publishers have all their verdicts."""
        for role, process in list(self.roles.items()):
            if process.alive():
                continue
            code = process.wait(0)
            if role in self.current and code in (0, 1):
                del self.roles[role], self.current[role]
                self.start_producer(role)
                continue
            assert code in EXPECTED_ENDS, f"{role} ended with {code}:\n{process.errors()[-3000:]}"
            self.start(role)
        return not self.current

    # -- what faults need --------------------------------------------------------------------------------------------------

    def choose(self, rng, kind=""):
        """One of the running roles of a kind ("worker", "collector", "producer"), or None."""
        running = sorted(role for role, process in self.roles.items() if role.startswith(kind) and process.alive())
        return rng.choice(running) if running else None

    def signal(self, rng, kind, number):
        role = self.choose(rng, kind)
        if role is not None:
            self.roles[role].signal(number)
        return role

    def set_clock(self, role, seconds):
        Clock(self._clock_file(role)).set(seconds)

    def step_clock(self, rng, seconds):
        role = self.choose(rng)
        if role is not None:
            self.set_clock(role, seconds)
        return role

    def warm_servers(self, role):
        """The runtime servers of a worker: children of its slots' inits."""
        found = [pid for init in children(self.roles[role].pid) for pid in children(init)]
        return [pid for pid in found if b"warm_server" in read(f"/proc/{pid}/cmdline")]

    # -- the end -----------------------------------------------------------------------------------------------------------

    def bloated(self):
        """Programs that hold more memory or descriptors than they may, as lines."""
        lines = []
        for role, process in self.roles.items():
            status = dict(line.split(":", 1) for line in read(f"/proc/{process.pid}/status").decode().splitlines())
            resident, files = int(status["VmRSS"].split()[0]), len(os.listdir(f"/proc/{process.pid}/fd"))
            if "build/asan" not in str(self.site.build) and resident > MEMORY_MAX_KB:
                lines.append(f"{role} holds {resident} KB")
            if files > 64 + 32 * self.slots:
                lines.append(f"{role} holds {files} descriptors")
        return lines

    def stop(self):
        """What was wrong with their ends, and what they left, as lines."""
        wrong = []
        for role, process in self.roles.items():
            code = process.stop()
            if code != 0:
                wrong.append(f"{role} ended with {code} after SIGTERM:\n{process.errors()[-2000:]}")
        return wrong + [f"left over: {what}" for what in self._left_processes() + self._left_files()]

    def _left_processes(self):
        """Of the programs' sessions and of the sandboxes' users."""
        left, sessions = [], self._own_sessions()
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            status = dict(line.split(":", 1) for line in read(folder / "status").decode().splitlines() if ":" in line)
            stat = stat_of(folder.name)
            if status and (self._sandboxed(int(status["Uid"].split()[0])) or stat and int(stat[3]) in sessions):
                left.append(f"process {folder.name} {status['Name'].strip()}")
        return left

    def _own_sessions(self):
        """Without those whose number another process has by now: the kernel gives it away only when nothing of the session lives."""
        return {pid for pid, start in self.sessions.items() if started(pid) in (start, None)}

    def _sandboxed(self, uid):
        return any(first <= uid < first + 64 for first in self.uids.values())

    def _left_files(self):
        """In the folder for temporary files, and the control groups of the workers."""
        left = [] if self.disk is None else [str(file) for file in (self.disk.folder / "tmp").glob("*")]
        ours = {str(pid) for pid in self._own_sessions()}
        return left + [str(group) for group in _groups() - self.groups_before if ours.intersection(group.name.replace("-", ".").split("."))]


def _groups():
    """Control groups of Assay, whoever's. Not rglob: groups of others may end under it, which os.walk takes as it comes."""
    return {pathlib.Path(folder, name) for folder, names, _ in os.walk("/sys/fs/cgroup") for name in names if name.startswith("assay")}


def signal_pid(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return None
    return pid

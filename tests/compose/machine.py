"""What an engine changes on the machine, how to have it as before, and what of it is left.

The engine runs in a namespace of mounts of its own, which ends with its processes. What is outside of that is here: processes,
network, control groups, folders of fixed names.
"""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

from lib.waiting import wait_until

TABLES = ("filter", "nat", "mangle")
FORWARDING = pathlib.Path("/proc/sys/net/ipv4/ip_forward")
OURS = re.compile(r"DOCKER|docker|\bbr-[0-9a-f]{12}\b")
# Where Docker and containerd write whatever their options say: the engine gets empty ones, so only the folders themselves can stay.
PLACES = [pathlib.Path(place) for place in ("/etc/docker", "/opt/containerd", "/run/containerd", "/run/docker", "/var/lib/docker")]
GROUPS = pathlib.Path("/sys/fs/cgroup")


def rules(table):
    return subprocess.run(["iptables", "-w", "-t", table, "-S"], capture_output=True, text=True, check=False).stdout.splitlines()


def links():
    return {link["ifname"] for link in json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True, text=True, check=True).stdout)}


class Machine:
    """As it was before the engine. `folder`: where the engine has its files; `group`: the control group of its containers."""

    def __init__(self, folder, group):
        self.folder, self.group = folder, group
        self.rules = {table: rules(table) for table in TABLES}
        self.links = links()
        self.forwarding = FORWARDING.read_text(encoding="ascii")
        self.missing = [place for place in PLACES if not place.exists()]

    def left(self):
        """What there is beyond the beginning, as far as an engine makes such things, by kind."""
        return {"links": sorted(name for name in links() - self.links if OURS.search(name) or name.startswith("veth")),
                "rules": [f"{table}: {rule}" for table in TABLES for rule in rules(table) if rule not in self.rules[table] and OURS.search(rule)],
                "forwarding": [] if FORWARDING.read_text(encoding="ascii") == self.forwarding else ["ip_forward"],
                "mounts": [line.split()[4] for line in self._lines("/proc/self/mountinfo") if f"{self.folder}/" in line],
                "processes": [f"{pid} {text}" for pid, text in self._processes().items()],
                "groups": [str(path) for path in self._groups()],
                "folders": [str(path) for path in [*self.missing, self.folder / "data", self.folder / "exec"] if path.exists()]}

    @staticmethod
    def _lines(path):
        return pathlib.Path(path).read_text(encoding="utf-8").splitlines()

    def _processes(self):
        """{pid: what it is}, by what they were started with, or the control group that they are in."""
        found = {}
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                text = (process / "cmdline").read_bytes() + (process / "cgroup").read_bytes()
            except OSError:  # it has ended
                continue
            if process.name != str(os.getpid()) and (f"{self.folder}/".encode() in text or f"/{self.group}/".encode() in text):
                found[int(process.name)] = repr(text[:120])
        return found

    def end_processes(self):
        """What an engine that was ended has left running: containers, and who watches them."""
        def gone():
            for pid in (left := self._processes()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left
        wait_until(gone, 60, "the engine's processes to end")

    def _groups(self):
        """Deepest first; with version 1 of the control groups one in each hierarchy."""
        tops = [path for path in (GROUPS / self.group, *GROUPS.glob(f"*/{self.group}")) if path.is_dir()]
        return [pathlib.Path(path) for top in tops for path, _, _ in os.walk(top, topdown=False)]

    def restore(self):
        for table in TABLES:
            self._restore_rules(table)
        for name in self.left()["links"]:
            subprocess.run(["ip", "link", "delete", name], check=False)
        FORWARDING.write_text(self.forwarding, encoding="ascii")
        for path in [*self._groups(), *filter(pathlib.Path.exists, self.missing)]:
            path.rmdir()

    def _restore_rules(self, table):
        added = [rule for rule in rules(table) if rule not in self.rules[table]]
        for rule in added:
            if rule.startswith("-A ") and OURS.search(rule):
                self._iptables(table, "-D " + rule[3:])
        for rule in added:
            if rule.startswith("-N ") and OURS.search(rule):
                self._iptables(table, "-F " + rule[3:])
                self._iptables(table, "-X " + rule[3:])
        for rule in self.rules[table]:
            if rule.startswith("-P "):
                self._iptables(table, rule)

    @staticmethod
    def _iptables(table, rule):
        subprocess.run(["iptables", "-w", "-t", table, *rule.split()], check=False)

#!/usr/bin/python3
"""Ports of 127.0.0.1 that servers are about to listen on, so that no two ever get the same.

That a port can be bound tells nothing of the seconds until its server listens: another set-up could choose it meanwhile, or the
kernel give it to a connection that goes out. So a chosen one is claimed, for as long as its state folder records it (or, in
tests, its process lives), and lies below those that the kernel gives away by itself.

A claim is a symbolic link named after the port, made in one step: it points to the file that records the port (".../ports/amqp"),
or holds "process:PID:START". One whose file or process no longer is there, or says otherwise, is void.

usage: ports.py choose CLAIMS FOLDER NAME ...   records one in each FOLDER/NAME; keeps what is there where it still can be used
       ports.py release CLAIMS FOLDER           gives up all that FOLDER records
"""
import contextlib
import fcntl
import os
import pathlib
import random
import socket
import sys

LOWEST = 20000
ENOUGH = 2000


def claims_folder():
    """Where the claims of this user lie, as compose/lib/state.sh has it."""
    if os.geteuid() == 0:
        return pathlib.Path("/var/lib/assay-local/claims")
    base = os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local/state"
    return pathlib.Path(base) / "assay-local/claims"


def candidates():
    """Ports in random order; those below the kernel's own, unless it has left none."""
    words = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    first, last = map(int, words)
    ports = range(LOWEST, first) if first - LOWEST >= ENOUGH else range(first, last + 1)
    return random.sample(ports, len(ports))


def process_start(pid):
    """When it started, in the kernel's ticks; None: there is none."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]


def recorded(path):
    try:
        return path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def can_be_bound(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Claims:
    """All that is asked of it happens under a lock of its folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    @contextlib.contextmanager
    def locked(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _holder(self, port):
        """Who has claimed it; None: nobody who still is there."""
        try:
            holder = os.readlink(self.folder / str(port))
        except FileNotFoundError:
            return None
        if holder.startswith("process:"):
            _, pid, start = holder.split(":")
            return holder if process_start(pid) == start else None
        return holder if recorded(pathlib.Path(holder)) == str(port) else None

    def _claim(self, port, holder):
        path = self.folder / str(port)
        path.unlink(missing_ok=True)
        path.symlink_to(holder)

    def _new(self, holder):
        for port in candidates():
            if self._holder(port) is None and can_be_bound(port):
                self._claim(port, holder)
                return port
        raise RuntimeError(f"no port of 127.0.0.1 is free; the claimed ones are in {self.folder}")

    def choose(self, folder, names):
        """A port for each name, recorded in the folder's file of that name."""
        with self.locked():
            self._forget_void()
            for name in names:
                record = pathlib.Path(os.path.abspath(folder)) / name
                old = recorded(record)
                if old and self._holder(old) in (None, str(record)) and can_be_bound(int(old)):
                    self._claim(old, str(record))
                else:
                    # The claim comes first: a record without one would be nobody's.
                    port = self._new(str(record))
                    record.write_text(f"{port}\n", encoding="ascii")

    def choose_for_process(self):
        """A port for this process, which need not record it."""
        with self.locked():
            return self._new(f"process:{os.getpid()}:{process_start(os.getpid())}")

    def release(self, port):
        (self.folder / str(port)).unlink(missing_ok=True)

    def release_folder(self, folder):
        with self.locked():
            for record in pathlib.Path(os.path.abspath(folder)).iterdir():
                port = recorded(record)
                if port and self._holder(port) == str(record):
                    self.release(port)
            self._forget_void()

    def _forget_void(self):
        for path in self.folder.iterdir():
            if self._holder(path.name) is None:
                path.unlink()


def main():
    what, claims, folder, *names = sys.argv[1:]
    try:
        if what == "choose":
            Claims(claims).choose(folder, names)
        else:
            Claims(claims).release_folder(folder)
    except (OSError, RuntimeError) as error:
        print(f"assay: ports: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())

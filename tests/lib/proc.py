"""What proc(5) tells of processes. One that has ended meanwhile has nothing to tell, which is no error."""
import contextlib
import glob
import pathlib
import subprocess

from lib.waiting import wait_until


def read(path):
    """A file of /proc; empty when its process has ended."""
    try:
        return pathlib.Path(path).read_bytes()
    except OSError:
        return b""


def stat_of(pid):
    """The fields of /proc/PID/stat after the name, or none."""
    return read(f"/proc/{pid}/stat").decode(errors="replace").rpartition(") ")[2].split()


def state(pid):
    """Its letter (R, S, T, Z ...); "X" when it is gone."""
    return (stat_of(pid) or "X")[0]


def started(pid):
    """When it started (clock ticks since boot), which tells it from a later one of the same number; None: there is none."""
    fields = stat_of(pid)
    return int(fields[19]) if fields else None


def children(pid):
    """Pids of its direct children, whichever thread has forked them."""
    return [int(word) for path in glob.glob(f"/proc/{pid}/task/*/children") for word in read(path).split()]


def descendants(pid):
    """Its children, each before its own."""
    return [one for child in children(pid) for one in (child, *descendants(child))]


@contextlib.contextmanager
def sleeping(*command, program="/bin/sleep"):
    """A process that sleeps while the block runs and is killed at its end, however that ends. command: what becomes that program (such as
    setpriv); the block begins once it has."""
    with subprocess.Popen([*map(str, command), str(program), "1000"], start_new_session=True) as process:
        try:
            name = pathlib.Path(program).name
            wait_until(lambda: read(f"/proc/{process.pid}/comm").decode().strip() == name and state(process.pid) == "S", 20, f"{name} to sleep")
            yield process.pid
        finally:
            process.kill()

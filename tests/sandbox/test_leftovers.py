"""Hostile tasks, hundreds in each setting, an honest one after each: nothing more than before is left on the machine, and the worker's memory stays flat."""
import glob
import os

from sandboxes import UID_BASE, USER, Sandbox, attack_line, driver_for, tree

from lib.waiting import wait_until

TASKS = int(os.environ.get("ASSAY_SANDBOX_TASKS", "250"))

# Each is over in some milliseconds; the slow ones (walls, bombs) have tests of their own.
HOSTILE = [
    "(setsid sleep 1000 >/dev/null 2>&1 &); exit 0",
    "mkdir -p a/b/c; chmod 000 a; ln -s /etc/shadow main.py; mkfifo f",
    "ipcmk -Q -S 1 >/dev/null; echo x > /dev/shm/x",
    "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; kill -9 $$",
    "head -c 100M /dev/zero > big",
    "for i in 1 2 3 4 5; do (sleep 1000 & sleep 1000 &) & done; kill -9 -1",
    "exec 9<>/dev/null; ulimit -c unlimited; kill -SEGV $$",
    "unshare -r true; mount -t tmpfs x /tmp; chroot / true",
    "kill -9 1; kill -TERM 1; kill -9 -1; exec 3</proc/1/environ",
    "mkdir x; for i in 1 2 3 4 5 6 7 8 9; do mkdir x/$i; touch x/$i/f; done; chmod 111 x",
]


def state(sandbox):
    # The answer to a step comes before the end of its task: wait for the slot init alone, or it and its warm server.
    wait_until(lambda: len(tree(sandbox.pid)) == 2 + bool(sandbox.warm), 30, "the last task to end")
    with open(f"/proc/{sandbox.pid}/status", encoding="ascii") as file:
        memory = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    with open(f"/proc/{sandbox.pid}/mountinfo", encoding="ascii") as file:
        mounts = {line.split()[4] for line in file}
    processes = tree(sandbox.pid)
    namespaces = {os.readlink(path) for pid in processes for path in glob.glob(f"/proc/{pid}/ns/*")}
    return {"memory_kb": memory, "mounts": mounts, "processes": len(processes), "namespaces": len(namespaces),
            "descriptors": [len(os.listdir(f"/proc/{pid}/fd")) for pid in processes], "cgroups": len(cgroups(sandbox.pid)),
            "ipc": sum(ipc_objects(name) for name in ("shm", "msg", "sem"))}


def is_no_more(after, before):
    """Raises what there is more of. A server lets go of its last task's descriptors a moment after that ended; others may take away meanwhile what is
    theirs (a folder removed is a mount gone, in all namespaces)."""
    # AddressSanitizer's quarantine of freed memory grows to its bound; without it nothing grows at all.
    bounds = {**before, "memory_kb": before["memory_kb"] + 65536}
    fewer = {name: all(map(int.__le__, after[name], bound)) if name == "descriptors" else after[name] <= bound for name, bound in bounds.items()}
    if not all(fewer.values()):
        raise ValueError({name: (before[name], after[name]) for name in fewer if not fewer[name]})
    return True


def ipc_objects(name):
    """Of the machine, owned by any uid that sandboxes have."""
    with open(f"/proc/sysvipc/{name}", encoding="ascii") as file:
        column = file.readline().split().index("uid")
        return sum(int(line.split()[column]) in (USER, *range(UID_BASE, UID_BASE + 100)) for line in file)


def cgroups(pid):
    return sorted(path for path in glob.glob("/sys/fs/cgroup/**/assay-*", recursive=True) if f"assay-{pid}-" in path)


def honest(sandbox):
    """Writes, forks and computes in an empty workspace."""
    answer = sandbox.run("ls -A | grep -v [.]py$; echo '6 * 7' > a; { read -r line < a; echo $((line)); } | cat")
    assert answer["stdout"] == "42\n" and answer["exit_code"] == 0


def attack_and_be_honest(sandbox, attacks, count):
    """Each attack in turn, `count` in all, an honest task after each."""
    for i in range(count):
        sandbox.run(attacks[i % len(attacks)])
        honest(sandbox)


def test_nothing_is_left(sandbox, build):
    busy = Sandbox(driver_for(build, sandbox.setting), sandbox.setting, warm=sandbox.warm, apart=True, slot=21, wall_ms=5000, processes=32,
                   disk_mb=16)
    attack_and_be_honest(busy, HOSTILE, len(HOSTILE))  # whatever is allocated once
    before = state(busy)
    attack_and_be_honest(busy, HOSTILE, TASKS)
    wait_until(lambda: is_no_more(state(busy), before), 10, "what the tasks left to go")
    pid = busy.pid
    assert busy.close() == 0
    wait_until(lambda: not cgroups(pid), 10, "the cgroup to go")


def test_a_killed_worker_leaves_nothing_that_lives(sandbox, build):
    doomed = Sandbox(driver_for(build, sandbox.setting), sandbox.setting, warm=sandbox.warm, slot=22)
    doomed.process.stdin.write(attack_line("stubborn_sleeper") + "\n")
    doomed.process.stdin.flush()
    wait_until(lambda: len(tree(doomed.pid)) >= 4, 30, "the program to run")
    below = tree(doomed.pid)[1:]
    doomed.process.kill()
    doomed.process.wait(30)
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in below), 10, "everything below it to die")
    if cgroups(doomed.pid):  # empty, and removed by the next worker
        again = Sandbox(driver_for(build, sandbox.setting), sandbox.setting, warm=sandbox.warm, slot=22)
        assert again.close() == 0
        assert not cgroups(doomed.pid)

"""Every attack is held in the container setting too; where a mechanism is another than with namespaces, so is the errno."""
import os
import subprocess

import pytest
from attack import SYSCALLS
from executors import BROKER_SECRET, CONFIG, DRIVER
from sandboxes import SECRET, attack_line, outside
from test_attacks import NAMESPACES, SOCKETS, assert_control, assert_held

from lib.waiting import wait_until

DENIED = ("EACCES", "EPERM")


def test_the_worker_attacks_itself_and_holds(sandbox):
    """Its own probes, in each layer, and the self-tests of all runtimes."""
    shown = sandbox.check()
    broken = [line for line in shown.splitlines() if "broken" in line or "BROKEN" in line]
    assert "privilege" in shown and not broken, shown
    assert shown.count("pass/ok") == 5, shown


def test_mechanisms(sandbox):
    """What is in force is what the result says: nothing that only namespaces give."""
    assert {"own_uid", "read_only_root", "tmpfs", "no_capabilities", "no_new_privs", "seccomp", "landlock", "landlock_scopes", "rlimits",
            "container_memory", "container_pids", "container_cpu"} <= set(sandbox.mechanisms)
    assert not [name for name in sandbox.mechanisms if "namespace" in name or name.startswith("cgroup")]


# --- system calls ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", SYSCALLS)
def test_system_call(sandbox, name):
    assert_held(sandbox.attack("call", name), "EPERM", "ENOSYS")
    control = outside("call", name)
    assert control.startswith("reached") or control == "held: ENOSYS"


@pytest.mark.parametrize("name", NAMESPACES)
def test_new_namespace(sandbox, name):
    assert_control(outside("new_namespace", hex(NAMESPACES[name])))
    assert_held(sandbox.attack("new_namespace", hex(NAMESPACES[name])), "EPERM")


def test_new_user_namespace_by_unshare(sandbox):
    assert_control(outside("unshare_user"))
    assert_held(sandbox.attack("unshare_user"), "EPERM")


@pytest.mark.parametrize("name", ["x32_call", "i386_call"])
def test_call_of_another_architecture(sandbox, name):
    said = sandbox.attack(name)
    if said["signal"]:
        assert said["signal"] == 31
    else:
        assert_held(said, "SIGSYS", "ENOSYS")


@pytest.mark.parametrize("name", ["terminal_input", "terminal_input_high_bits"])
def test_typing_into_a_terminal(sandbox, name):
    assert_held(sandbox.attack(name), "EPERM")


# --- network --------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", SOCKETS)
def test_socket(sandbox, name):
    assert_control(outside("open_socket", *SOCKETS[name]))
    assert_held(sandbox.attack("open_socket", *SOCKETS[name]), "EACCES")


def test_socket_family_with_high_bits(sandbox):
    assert_control(outside("socket_high_bits"))
    assert_held(sandbox.attack("socket_high_bits"), "EACCES")


LISTENER = """
import socket, sys, time
one = socket.socket(socket.AF_UNIX); one.bind("\\0assay-test"); one.listen()
two = socket.create_server(("127.0.0.1", 7777))
time.sleep(600)
"""


@pytest.fixture(scope="module")
def listener(sandbox):
    """Sockets beside the worker, in the network namespace that the programs are in as well."""
    sandbox.engine.docker("exec", "-d", sandbox.container, "python3", "-c", LISTENER)
    wait_until(lambda: sandbox.control("connect", 7777).startswith("reached"), 30, "the listener")
    return sandbox


def test_a_port_of_the_container(listener):
    assert_held(listener.attack("connect", 7777), "EACCES")


def test_an_abstract_socket_of_the_container(listener):
    assert_control(listener.control("abstract_socket", "assay-test"))
    assert_held(listener.attack("abstract_socket", "assay-test"), "EPERM")


def test_name_resolution(sandbox):
    assert_control(outside("resolve"))
    assert_held(sandbox.attack("resolve"))


# --- files ----------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", [CONFIG, BROKER_SECRET])
def test_what_anyone_could_read_but_for_landlock(sandbox, path):
    assert_control(sandbox.control("read", path))
    assert_held(sandbox.attack("read", path), "EACCES")
    assert_held(sandbox.attack("read_by_link", path), "EACCES")
    assert SECRET not in sandbox.run(f"cat {path}; cat < {path}; cp {path} x; ln {path} y; cat x y")["stdout"]


@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/debconf.conf", "/etc/resolv.conf", "/var/lib/dpkg/status", "/proc/1/environ", "/dev/ptmx",
                                  "/sys/kernel/mm/transparent_hugepage/enabled"])
def test_reading(sandbox, path):
    assert_held(sandbox.attack("read", path), *DENIED, "ENOENT")


@pytest.mark.parametrize("path", ["/", "/root", "/run", "/run/secrets", "/etc", "/var", "/sys", "/sys/fs/cgroup", "/opt", "/dev", "/dev/mqueue",
                                  "/dev/pts"])
def test_listing(sandbox, path):
    assert_control(outside("list_folder", path if os.path.isdir(path) else "/"))
    assert_held(sandbox.attack("list_folder", path), "EACCES")


@pytest.mark.parametrize("path", ["/usr/x", "/etc/x", "/etc/passwd", "/x", "/assay/harness/x", "/dev/x", "/var/x", "/run/x", "/bin/bash",
                                  "/dev/mqueue/x", "/proc/sys/kernel/core_pattern", "/proc/self/oom_score_adj", "/proc/sysrq-trigger",
                                  "/proc/self/mem", "/proc/self/coredump_filter", "/sys/x", "/var/tmp/x", "/run/lock/x"])
def test_writing(sandbox, path):
    assert_held(sandbox.attack("write", path), "EROFS", "EACCES", "ENOENT", "EPERM")


@pytest.mark.parametrize("folder", ["/work", "/tmp", "/dev/shm"])
def test_device_nodes(sandbox, folder):
    assert_held(sandbox.attack("make_device", folder), "EPERM", "EACCES")


def test_setuid_programs(sandbox):
    answer = sandbox.run("cp /usr/bin/id id; chmod 4755 id; ./id -u; su -c id </dev/null; id -u")
    assert "uid=0" not in answer["stdout"] and "0" not in answer["stdout"].split()


# --- processes ------------------------------------------------------------------------------------------------------------------

def processes_of_root(sandbox):
    return [int(pid) for pid in sandbox.inside("pgrep", "-u", "0").split()]


def test_signals_to_what_is_not_the_tasks(sandbox):
    for pid in (1, sandbox.pid, *processes_of_root(sandbox)):
        said = sandbox.attack("signal_process", pid)["stdout"].strip()
        assert said in ("held: EPERM", "held: ESRCH"), pid
    assert_held(sandbox.attack("signal_process", sandbox.pid), "EPERM")
    assert_control(sandbox.control("signal_process", sandbox.pid))


def test_signals_to_the_tasks_init(sandbox):
    """Which has the programs' own uid: Landlock's scope is what holds."""
    answer = sandbox.run("kill -9 $PPID; kill -STOP $PPID; kill -9 -1; echo unreached", "echo lives")
    assert answer["stdout"] == "lives\n"
    assert "Operation not permitted" in sandbox.run("kill -0 $PPID")["stderr"]
    # The control: within the domain the same uid may.
    assert sandbox.run("sleep 100 & kill -0 $! && echo may")["stdout"] == "may\n"


@pytest.mark.parametrize("name", ["environ", "mem", "maps", "fd", "ns", "exe", "map_files", "io", "syscall", "stack", "pagemap", "auxv"])
def test_a_file_of_another_process(sandbox, name):
    for pid in (1, sandbox.pid):
        assert_held(sandbox.attack("file_of_process", pid, name), *DENIED)
    of_init = f"cp attack.py a.py; sed -i 's/{{pid}}/'$PPID'/' a.py; exec python3 attack.py file_of_process $PPID {name}"
    assert_held(sandbox.run(of_init), *DENIED)
    if name in ("environ", "maps", "fd", "ns", "exe", "io", "auxv"):
        assert_control(outside("file_of_process", os.getpid(), name))


@pytest.mark.parametrize("attack", ["descriptor_of_process", "attach_to"])
def test_reaching_into_another_process(sandbox, attack):
    assert_held(sandbox.attack(attack, sandbox.pid), *DENIED)
    assert_held(sandbox.run(f"exec python3 attack.py {attack} $PPID"), *DENIED)


@pytest.mark.parametrize("name", ["lower_oom_score", "core_pattern", "dump_core", "change_uid"])
def test_privileges(sandbox, name):
    assert_held(sandbox.attack(name))


def test_capabilities(sandbox):
    """All sets are empty but the bounding one, which nobody in the container may drop: no_new_privs takes its place."""
    lines = dict(line.split(":\t") for line in sandbox.run("cat /proc/self/status")["stdout"].splitlines() if ":\t" in line)
    assert [int(lines[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0, 0, 0, 0]
    assert int(lines["CapBnd"], 16) == 0xe0 and lines["NoNewPrivs"] == "1" and lines["Seccomp"] == "2"
    assert len(set(lines["Uid"].split())) == 1 and int(lines["Uid"].split()[0]) >= 64000 and lines["Groups"].strip() == ""


@pytest.mark.parametrize("name", ["RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_MEMLOCK"])
def test_raising_a_limit(sandbox, name):
    assert_held(sandbox.attack("raise_limit", name), "EPERM")


def test_environment_and_descriptors_of_the_worker(sandbox):
    assert SECRET not in sandbox.run("env; cat /proc/self/environ /proc/*/environ")["stdout"]
    assert sandbox.run("ls /proc/self/fd | paste -sd ' '")["stdout"] == "0 1 2 3\n"


# --- exhaustion -----------------------------------------------------------------------------------------------------------------

@pytest.fixture
def honest_task_afterwards(sandbox):
    yield
    answer = sandbox.run("ls -A /work /tmp /dev/shm | grep -v attack.py | paste -sd ' '; echo 'print(6 * 7)' > a.py; python3 a.py")
    assert answer["stdout"] == "/dev/shm:  /tmp:  /work:\n42\n"


@pytest.mark.usefixtures("honest_task_afterwards")
class TestExhaustion:
    def test_fork_bomb(self, sandbox):
        answer = sandbox.attack("fork_bomb")
        assert answer["killed"] == "wall" and answer["signal"] == 9 and answer["left"]

    def test_thread_bomb(self, sandbox):
        assert sandbox.attack("thread_bomb")["stdout"] == "held: EAGAIN 63\n"

    def test_descriptor_bomb(self, sandbox):
        assert sandbox.attack("descriptor_bomb")["stdout"] == "held: EMFILE 253\n"

    @pytest.mark.parametrize("folder", ["/work/d", "/tmp/d", "/dev/shm/d"])
    def test_inode_bomb(self, sandbox, folder):
        answer = sandbox.attack("inode_bomb", folder)
        assert answer["disk_full"] and (answer["stdout"] == "held: ENOSPC\n" or answer["signal"] == 9)

    @pytest.mark.parametrize("path", ["/work/f", "/tmp/f", "/dev/shm/f"])
    def test_disk_bomb(self, sandbox, path):
        answer = sandbox.run(f"python3 attack.py disk_bomb {path}; python3 attack.py disk_bomb {path}2")
        assert answer["disk_full"]

    @pytest.mark.parametrize("name", ["deep_folders", "passing_descriptors"])
    def test_what_is_hard_to_remove(self, sandbox, name):
        assert sandbox.attack(name)["stdout"] == "done\n"

    @pytest.mark.parametrize("fd", [1, 2])
    def test_output_flood(self, sandbox, fd):
        answer = sandbox.attack("flood", fd)
        assert answer["killed"] == "output" and answer["signal"] == 9

    def test_much_correct_output(self, sandbox):
        answer = sandbox.run("head -c 204800 /dev/zero | tr '\\0' x")
        assert answer["exit_code"] == 0 and answer["stdout_bytes"] == 204800 and not answer["killed"]

    @pytest.mark.parametrize("name", ["stubborn_sleeper", "stopped"])
    def test_sleeping_past_the_limit(self, sandbox, name):
        answer = sandbox.attack(name)
        assert answer["killed"] == "wall" and answer["signal"] == 9 and answer["wall_us"] < 15_000_000

    def test_daemons(self, sandbox):
        assert sandbox.run("python3 attack.py daemons", "ps -u $(id -u) -o comm= | grep -c python3")["stdout"] == "0\n"

    def test_zombies_are_reaped(self, sandbox):
        assert sandbox.run("python3 attack.py zombies; sleep 0.2; ps -u $(id -u) -o stat= | grep -c Z")["stdout"] == "done\n0\n"

    def test_what_is_planted_is_gone(self, sandbox):
        control = sandbox.run("python3 attack.py plant; python3 attack.py look")["stdout"]
        assert "/dev/shm" in control and "abstract socket" in control
        assert sandbox.attack("plant")["stdout"] == "done\n"
        found = sandbox.attack("look")["stdout"]
        assert "/" not in found and "get" not in found and "open" not in found and "socket" not in found  # other processes are seen

    def test_system_v_objects(self, sandbox):
        assert sandbox.attack("system_v_bomb")["stdout"] == "held: EPERM\n"


@pytest.mark.parametrize("name", ["memory_bomb", "memory_bomb_of_many", "shared_memory_bomb", "memfd_bomb"])
def test_memory(executors, name):
    """A limit below the container's is found by looking every 10 ms."""
    small = executors(memory_mb=96, disk_mb=32, wall_ms=6000)
    answer = small.attack(name)
    assert answer["oom_kills"] > 0 and answer["signal"] == 9
    assert small.run("echo lives")["stdout"] == "lives\n"
    small.close()


def test_the_containers_own_memory_limit(executors):
    """The kernel kills, and the worker lives to tell."""
    small = executors({"mem_limit": "256m", "memswap_limit": "256m"}, memory_mb=4000, wall_ms=20000)
    assert small.attack("memory_bomb")["oom_kills"] > 0
    assert small.attack("memory_bomb_of_many")["oom_kills"] > 0
    assert small.run("echo lives")["stdout"] == "lives\n"
    small.close()


# --- what stays -----------------------------------------------------------------------------------------------------------------

HOSTILE = ["true", "(setsid sleep 1000 >/dev/null 2>&1 &); exit 0", "mkdir -p a/b/c; chmod 000 a; ln -s /etc/shadow main.py; mkfifo f",
           "echo x > /dev/shm/x; echo y > /tmp/y", "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; kill -9 $$",
           "head -c 100M /dev/zero > big", "for i in 1 2 3 4 5; do (sleep 1000 & sleep 1000 &) & done; kill -9 -1",
           "mkdir -p d/.assay-clean-0/e; touch d/.assay-clean-0/e/f; chmod 555 d d/.assay-clean-0", "kill -9 1; kill -TERM 1; kill -9 -1",
           "mkdir x; for i in 1 2 3 4 5 6 7 8 9; do mkdir x/$i; touch x/$i/f; done; chmod 111 x"]


def test_nothing_is_left(executors):
    busy = executors(wall_ms=5000, processes=32, disk_mb=16)
    before = busy.processes()
    for i in range(int(os.environ.get("ASSAY_SANDBOX_TASKS", "200"))):
        busy.run(HOSTILE[i % len(HOSTILE)])
    assert busy.run("echo 'print(6 * 7)' > a.py; python3 a.py")["stdout"] == "42\n"
    wait_until(lambda: busy.processes() == before, 10, "the last task to end")
    assert busy.files() == ["/dev/shm:", "/tmp:", "/work:"]
    assert busy.close() == 0


def test_a_killed_worker_leaves_nothing_that_lives(executors):
    doomed = executors(wall_ms=60000)
    doomed.process.stdin.write("touch /tmp/x; (setsid sleep 1000 &); " + attack_line("stubborn_sleeper") + "\n")
    doomed.process.stdin.flush()
    wait_until(lambda: any("sleep" in line for line in doomed.processes()), 30, "the program to run")
    doomed.engine.docker("exec", doomed.container, "pkill", "-KILL", "-x", "sandbox_driver")
    wait_until(lambda: all(line.split()[0] == "0" for line in doomed.processes()), 20, "everything to die")
    wait_until(lambda: doomed.files() == ["/dev/shm:", "/tmp:", "/work:"], 10, "its files to go")


# --- less than that is refused --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("overrides, word", [
    ({"cap_add": ["SETUID", "SETGID", "KILL", "CHOWN"]}, "other capabilities"),
    ({"read_only": False}, "read_only_root"),
    ({"pid": "host"}, "pid namespace"),
])
def test_a_softer_container_is_refused(executors, overrides, word):
    with pytest.raises(RuntimeError) as refusal:
        executors(overrides)
    assert word in str(refusal.value)


def test_a_place_to_write_without_a_limit_is_refused(executors, monkeypatch, engine):
    monkeypatch.setitem(engine.env, "ASSAY_WORK_SIZE", "0")
    with pytest.raises(RuntimeError) as refusal:
        executors()
    assert "tmpfs: /work" in str(refusal.value)


def test_one_slot_alone(executors):
    with pytest.raises(RuntimeError) as refusal:
        executors(slot=2)
    assert "one slot" in str(refusal.value)


def test_the_machine_itself_is_no_container(build):
    done = subprocess.run([build / "bin" / os.path.basename(DRIVER), "--setting", "container"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1 and "sandbox.setting: container" in done.stdout

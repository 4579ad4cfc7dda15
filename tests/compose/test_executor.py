"""Every attack is held in the container setting too; where a mechanism is another than with namespaces, so is the errno."""
import os
import subprocess

import pytest
from attack import SYSCALLS
from executors import BROKER_SECRET, CONFIG, DRIVER
from sandboxes import SECRET, outside
from test_attacks import LIMITS, NAMESPACES, SOCKETS, WRITING, assert_control, assert_held

from lib.proc import sleeping
from lib.waiting import wait_until

DENIED = ("EACCES", "EPERM")


def test_the_worker_attacks_itself_and_holds(sandbox):
    """Its own probes, in each layer, and the self-tests of all runtimes; one that was too slow is asked again, as a worker does itself."""
    def all_pass():
        shown = sandbox.check()
        assert "privilege" in shown and "broken" not in shown.lower(), shown
        return shown.count("pass/ok") == 5
    wait_until(all_pass, 300, "the self-tests of all runtimes")


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
    sandbox.start_inside("python3", "-c", LISTENER)
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
    if os.path.exists(path) and path != "/dev/ptmx":
        assert_control(outside("read", path.replace("/proc/1/", "/proc/self/")))
    assert_held(sandbox.attack("read", path), *DENIED, "ENOENT")


@pytest.mark.parametrize("path", ["/", "/root", "/run", "/run/secrets", "/etc", "/var", "/sys", "/sys/fs/cgroup", "/opt", "/dev", "/dev/mqueue",
                                  "/dev/pts"])
def test_listing(sandbox, path):
    assert_control(outside("list_folder", path if os.path.isdir(path) else "/"))
    assert_held(sandbox.attack("list_folder", path), "EACCES")


WRITING_TOO = {"/bin/bash": None, "/dev/mqueue/x": None, "/proc/self/mem": None, "/proc/self/coredump_filter": None, "/var/tmp/x": None,
               "/run/lock/x": None}


@pytest.mark.parametrize("path", [*WRITING, *WRITING_TOO])
def test_writing(sandbox, path, tmp_path):
    assert_held(sandbox.attack("write", path), "EROFS", "EACCES", "ENOENT", "EPERM")
    control = {**WRITING, **WRITING_TOO}[path] or path
    if path in ("/bin/bash", "/dev/mqueue/x"):
        control = tmp_path / "x"  # the one is busy outside, the other not there everywhere
    assert_control(outside("write", control))


@pytest.mark.parametrize("path", ["/usr/bin/env", "/etc/passwd", "/assay/harness/python/run_suite.py"])
def test_a_second_name_for_a_file(sandbox, path, tmp_path):
    (tmp_path / "file").write_text("x")
    assert_control(outside("hard_link", tmp_path / "file"))
    assert_held(sandbox.attack("hard_link", path), "EXDEV", *DENIED)


def test_a_second_name_by_a_descriptor(sandbox):
    assert_held(sandbox.attack("link_to_open_file"), "EXDEV", "ENOENT", *DENIED)


@pytest.mark.parametrize("path", ["/work", "/tmp", "/dev/shm", "/usr/bin"])
def test_taking_a_folder_away(sandbox, path, tmp_path):
    (tmp_path / "own").mkdir()
    assert_control(outside("rename_folder", tmp_path / "own"))
    assert_held(sandbox.attack("rename_folder", path), "EROFS", "EBUSY", "EXDEV", *DENIED)


@pytest.mark.parametrize("secret", ["/etc/shadow", CONFIG])
def test_a_race_of_a_link_and_a_folder(sandbox, secret):
    assert_control(sandbox.control("swap_race", CONFIG))
    assert_held(sandbox.attack("swap_race", secret), "EACCES")


def test_overwriting_programs(sandbox):
    assert_held(sandbox.attack("overwrite_running", "/usr/bin/python3"), "EROFS", "EACCES")
    assert_held(sandbox.attack("overwrite_own_interpreter"), "EROFS", "EACCES")


def test_a_lease_on_a_file_of_the_image(sandbox, tmp_path):
    (tmp_path / "file").write_text("x")
    assert_control(outside("lease", tmp_path / "file"))
    assert_held(sandbox.attack("lease", "/usr/bin/python3"), "EAGAIN", *DENIED)


@pytest.mark.parametrize("folder", ["/work", "/tmp", "/dev/shm"])
def test_device_nodes(sandbox, folder, tmp_path):
    assert_control(outside("make_device", tmp_path))
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


@pytest.mark.parametrize("command", ["prlimit --nofile=3:3 --pid", "taskset -p 1", "renice -n 19 -p", "chrt --idle -p 0", "ionice -c 3 -p"])
def test_slowing_the_tasks_init_down(sandbox, command):
    """It keeps the time, and has the programs' uid. The control: another process of that uid."""
    of_init = "init=$(ps -u $(id -u) -o pid=,comm= | grep -v -e bash -e ps -e grep | head -n 1 | tr -dc 0-9)"
    answer = sandbox.run(f"{of_init}; {command} $init >/dev/null; echo $?; sleep 100 & {command} $! >/dev/null; echo $?")
    assert answer["stdout"] == "1\n0\n", answer
    assert "Operation not permitted" in answer["stderr"]


@pytest.mark.parametrize("name", ["environ", "mem", "maps", "fd", "ns", "exe", "map_files", "io", "syscall", "stack", "pagemap", "auxv"])
def test_a_file_of_another_process(sandbox, name):
    for pid in (1, sandbox.pid):
        assert_held(sandbox.attack("file_of_process", pid, name), *DENIED)
    of_init = f"cp attack.py a.py; sed -i 's/{{pid}}/'$PPID'/' a.py; exec python3 attack.py file_of_process $PPID {name}"
    assert_held(sandbox.run(of_init), *DENIED)
    if name in ("environ", "maps", "fd", "ns", "exe", "io", "auxv"):
        assert_control(outside("file_of_process", os.getpid(), name))


@pytest.mark.parametrize("attack", ["descriptor_of_process", "attach_to", "read_memory_of", "signal_by_descriptor", "terminate"])
def test_reaching_into_another_process(sandbox, attack):
    """The worker, the container's first process, the task's own init."""
    for pid in (sandbox.pid, 1):
        assert_held(sandbox.attack(attack, pid), *DENIED)
    assert_held(sandbox.run(f"exec python3 attack.py {attack} $PPID"), *DENIED)
    with sleeping() as control:
        assert_control(outside(attack, control))


@pytest.mark.parametrize("name", ["lower_oom_score", "core_pattern", "dump_core", "change_uid"])
def test_privileges(sandbox, name):
    assert_control(outside(name))
    assert_held(sandbox.attack(name))


def test_capabilities(sandbox):
    """All sets are empty but the bounding one, which nobody in the container may drop: no_new_privs takes its place."""
    lines = dict(line.split(":\t") for line in sandbox.run("cat /proc/self/status")["stdout"].splitlines() if ":\t" in line)
    assert [int(lines[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0, 0, 0, 0]
    assert int(lines["CapBnd"], 16) == 0xe0 and lines["NoNewPrivs"] == "1" and lines["Seccomp"] == "2"
    assert len(set(lines["Uid"].split())) == 1 and int(lines["Uid"].split()[0]) >= 64000 and lines["Groups"].strip() == ""


@pytest.mark.parametrize("name", LIMITS)
def test_raising_a_limit(sandbox, name):
    assert_control(outside("raise_limit", name, LIMITS[name]))
    assert_held(sandbox.attack("raise_limit", name, LIMITS[name]), "EPERM")


def test_environment_and_descriptors_of_the_worker(sandbox):
    assert SECRET not in sandbox.run("env; cat /proc/self/environ /proc/*/environ")["stdout"]
    assert sandbox.run("ls /proc/self/fd | paste -sd ' '")["stdout"] == "0 1 2 3\n"


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

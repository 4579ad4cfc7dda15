"""Each attack is held, told by the errno or signal that it met inside; the same attack outside gets through (the control)."""
import os
import pathlib
import shutil
import socket

import pytest
from attack import SYSCALLS
from sandboxes import HERE, SECRET, as_user, needs_user_namespaces, outside, tree

from lib.proc import sleeping
from lib.skipping import skip
from lib.waiting import wait_until

ROOT = os.geteuid() == 0
HARNESS = HERE.parents[1] / "worker/harness"

# Namespace flags of clone.
NAMESPACES = {"user": 0x10000000, "pid": 0x20000000, "mount": 0x20000, "net": 0x40000000, "ipc": 0x08000000, "uts": 0x04000000,
              "cgroup": 0x02000000}
# name: (family, type, protocol)
SOCKETS = {"inet_tcp": (2, 1, 0), "inet_udp": (2, 2, 0), "inet_raw": (2, 3, 255), "inet6_tcp": (10, 1, 0), "inet6_udp": (10, 2, 0),
           "netlink_route": (16, 3, 0), "packet": (17, 3, 0), "vsock": (40, 1, 0), "alg": (38, 5, 0), "bluetooth": (31, 3, 0),
           "can": (29, 3, 1), "tipc": (30, 2, 0), "xdp": (44, 3, 0), "key": (15, 3, 2), "rxrpc": (33, 2, 2)}


def assert_held(answer, *errnos):
    said = answer["stdout"].strip()
    assert said.startswith("held: "), f"{said or answer}"
    if errnos:
        assert said.removeprefix("held: ").split()[0] in errnos
    return said


def programs_of(sandbox, name):
    """The processes below a sandbox's worker that run `name`, by their pids outside."""
    return [pid for pid in tree(sandbox.pid) if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name]


def assert_control(said):
    assert said.startswith("reached"), f"the attack does not work outside either: {said}"


@pytest.fixture(scope="module", autouse=True)
def as_root():
    if not ROOT:
        skip("sandbox_controls", "the controls need root")


# --- system calls ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", SYSCALLS)
def test_system_call(sandbox, name):
    control = outside("call", name)
    said = assert_held(sandbox.attack("call", name), "EPERM", "ENOSYS")
    if not control.startswith("reached"):
        # A kernel without this call says ENOSYS; the filter, which comes first, must have said something else.
        assert control == "held: ENOSYS"
        assert said != control


@pytest.mark.parametrize("name", NAMESPACES)
def test_new_namespace(sandbox, name):
    flag = hex(NAMESPACES[name])
    if name == "user":
        needs_user_namespaces()
    assert_control(outside("new_namespace", flag))
    assert_held(sandbox.attack("new_namespace", flag), "EPERM")


def test_new_user_namespace_by_unshare(sandbox):
    needs_user_namespaces()
    assert_control(outside("unshare_user"))
    assert_held(sandbox.attack("unshare_user"), "EPERM")


@pytest.mark.parametrize("name", ["x32_call", "i386_call"])
def test_call_of_another_architecture(sandbox, name):
    said = sandbox.attack(name)
    if said["signal"]:
        assert said["signal"] == 31  # SIGSYS, before anything was printed
    else:
        assert_held(said, "SIGSYS", "ENOSYS")
    control = outside(name)
    if not control.startswith("reached"):
        skip(f"sandbox_{name}", f"this kernel has no such entry: {control}")


@pytest.mark.parametrize("name", ["terminal_input", "terminal_input_high_bits"])
def test_typing_into_a_terminal(sandbox, name):
    assert outside(name) == "reached: ENOTTY"
    assert_held(sandbox.attack(name), "EPERM")


# --- network --------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", SOCKETS)
def test_socket(sandbox, name):
    control = outside("open_socket", *SOCKETS[name])
    assert_control(control)
    assert_held(sandbox.attack("open_socket", *SOCKETS[name]), "EACCES")


def test_socket_family_with_high_bits(sandbox):
    assert_control(outside("socket_high_bits"))
    assert_held(sandbox.attack("socket_high_bits"), "EACCES")


def test_a_port_of_the_machine(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert_control(outside("connect", port))
        assert_held(sandbox.attack("connect", port))


def test_name_resolution(sandbox):
    assert_control(outside("resolve"))
    assert_held(sandbox.attack("resolve"))


def test_abstract_socket_of_the_machine(sandbox):
    name = f"assay-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0" + name)
        server.listen()
        assert_control(outside("abstract_socket", name))
        assert_held(sandbox.attack("abstract_socket", name), "ECONNREFUSED", "EPERM")


def test_interfaces(sandbox):
    if outside("interfaces").startswith("held"):
        skip("sandbox_interfaces", "this machine has no network interface to hide")
    assert_held(sandbox.attack("interfaces"), "ENODEV")


# --- files ----------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/machine-id", "/proc/kcore", "/var/log/dpkg.log"])
def test_reading(sandbox, path):
    if not os.path.exists(path):
        skip("sandbox_path", f"{path} is not there")
    assert_control(outside("read", path))
    assert_held(sandbox.attack("read", path), "ENOENT", "EACCES", "EPERM")


def test_reading_by_a_link(sandbox):
    assert_control(outside("read_by_link", "/etc/shadow"))
    assert_held(sandbox.attack("read_by_link", "/etc/shadow"), "ENOENT")


def world_readable(tmp_path_factory, name, mode=0o755):
    """A folder that anybody may enter: what holds inside is not the folder's mode."""
    folder = tmp_path_factory.mktemp(name)
    for parent in (folder, *folder.parents[:3]):
        if parent.owner() == "root" and str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    folder.chmod(mode)
    return folder


@pytest.mark.parametrize("path", ["/usr/bin/env", "/etc/passwd", "/assay/harness/python/run_suite.py"])
def test_a_second_name_for_a_file(sandbox, path, tmp_path):
    """Hard links: from the read-only root into the workspace."""
    original = tmp_path / "file"
    original.write_text("x")
    assert_control(outside("hard_link", original))
    assert_held(sandbox.attack("hard_link", path), "EXDEV", "EACCES", "EPERM", "EROFS", "ENOENT")


def test_a_second_name_by_a_descriptor(sandbox):
    assert_held(sandbox.attack("link_to_open_file"), "EXDEV", "EACCES", "EPERM", "ENOENT")


@pytest.mark.parametrize("path", ["/work", "/tmp", "/dev/shm", "/usr/bin"])
def test_taking_a_folder_away(sandbox, path, tmp_path):
    (tmp_path / "own").mkdir()
    assert_control(outside("rename_folder", tmp_path / "own"))
    assert_held(sandbox.attack("rename_folder", path), "EROFS", "EACCES", "EBUSY", "EPERM", "EXDEV")


def test_a_race_of_a_link_and_a_folder(sandbox):
    """Whoever follows is the program itself; no process outside ever opens what lies in the workspace."""
    assert_control(outside("swap_race", "/etc/shadow"))
    assert_held(sandbox.attack("swap_race", "/etc/shadow"), "ENOENT", "EACCES")


def test_overwriting_a_program_that_runs(sandbox, tmp_path):
    program = tmp_path / "sleep"
    shutil.copy("/bin/sleep", program)
    with sleeping(program=program):
        assert_control(outside("overwrite_running", program))
    assert_held(sandbox.attack("overwrite_running", "/usr/bin/python3"), "EROFS", "EACCES")


def test_overwriting_its_own_interpreter(sandbox):
    """runc's CVE-2019-5736. Outside it is busy (ETXTBSY), which is no refusal: it passes as soon as nobody runs it."""
    assert outside("overwrite_own_interpreter") == "held: ETXTBSY"
    assert_held(sandbox.attack("overwrite_own_interpreter"), "EROFS", "EACCES")


def test_a_lease_on_a_file_of_the_machine(sandbox, tmp_path):
    (tmp_path / "file").write_text("x")
    assert_control(outside("lease", tmp_path / "file"))
    assert_held(sandbox.attack("lease", "/usr/bin/python3"), "EACCES", "EAGAIN", "EPERM")


@pytest.mark.parametrize("owner", ["root", "user"])
def test_the_workers_configuration(sandbox, tmp_path_factory, owner):
    folder = tmp_path_factory.mktemp("conf")
    config = folder / "worker.cfg"
    config.write_text(SECRET)
    config.chmod(0o600 if owner == "root" else 0o644)
    assert_control(outside("read", config))
    assert_held(sandbox.attack("read", config), "ENOENT")


# What is tried inside, and where the control does the same outside: in the folder itself, unless that is only there inside.
WRITING = {"/usr/x": None, "/etc/x": None, "/x": None, "/var/x": None, "/run/x": None, "/dev/x": None, "/proc/sysrq-trigger": "/proc/sys/kernel/core_pattern",
           "/proc/sys/kernel/core_pattern": None, "/proc/self/oom_score_adj": None, "/etc/passwd": "/etc/group",
           "/usr/bin/env": None, "/sys/x": "/sys/kernel/mm/transparent_hugepage/enabled", "/assay/harness/x": f"{HARNESS}/x"}


@pytest.mark.parametrize("path", WRITING)
def test_writing(sandbox, path):
    assert_held(sandbox.attack("write", path), "EROFS", "EACCES", "ENOENT", "EPERM")
    assert_control(outside("write", WRITING[path] or path))


@pytest.mark.parametrize("path", ["/root", "/home", "/sys", "/boot", "/opt", "/mnt", "/srv", "/var/lib", "/var/run"])
def test_listing(sandbox, path):
    if not os.path.exists(path):
        skip("sandbox_path", f"{path} is not there")
    assert_control(outside("list_folder", path))
    assert_held(sandbox.attack("list_folder", path), "ENOENT", "EACCES")


@pytest.mark.parametrize("folder", ["/work", "/tmp", "/dev/shm"])
def test_device_nodes(sandbox, tmp_path, folder):
    assert_control(outside("make_device", tmp_path))
    assert_held(sandbox.attack("make_device", folder), "EPERM", "EACCES")


def test_setuid_programs(sandbox, tmp_path_factory):
    """A shell's copy made setuid by its owner gains nothing; su, setuid root on the machine, does not become root."""
    probe = "cp /usr/bin/id id; chmod 4755 id; ./id -u; stat -c %a id; find /usr/bin -perm -4000 | head -n 1 | grep -q . && su -c id </dev/null; id -u"
    answer = sandbox.run(probe)
    uids = [line for line in answer["stdout"].split() if line.isdigit() and line != "4755"]
    assert uids and set(uids) == {"1000"}
    assert "uid=0" not in answer["stdout"]
    # The control: a setuid-root program outside gives an ordinary user uid 0.
    folder = world_readable(tmp_path_factory, "suid")
    program = folder / "id"
    os.system(f"cp /usr/bin/id {program}; chmod 4755 {program}")
    assert os.popen(f"setpriv --reuid 12345 --regid 12345 --clear-groups {program} -u").read().strip() == "0"


# --- processes ------------------------------------------------------------------------------------------------------------------

def test_signal_to_the_worker(sandbox):
    assert_control(outside("signal_process", sandbox.pid))
    assert_held(sandbox.attack("signal_process", sandbox.pid), "ESRCH")


def test_the_worker_is_not_to_be_seen(sandbox):
    assert_control(outside("process_with", "sandbox_driver"))
    assert_held(sandbox.attack("process_with", "sandbox_driver"), "ESRCH")


@pytest.mark.parametrize("name", ["environ", "mem", "maps", "fd", "cmdline", "ns", "exe", "map_files"])
def test_a_file_of_the_worker(sandbox, name):
    assert_held(sandbox.attack("file_of_process", sandbox.pid, name), "ENOENT")
    if name != "map_files":
        assert_control(outside("file_of_process", sandbox.pid, name))


@pytest.mark.parametrize("name", ["environ", "mem", "maps", "fd", "exe", "map_files", "syscall", "stack", "pagemap", "io"])
def test_a_file_of_the_tasks_init(sandbox, name):
    if name not in ("map_files", "stack"):
        assert_control(outside("file_of_process", sandbox.pid, name))
    assert_held(sandbox.attack("file_of_process", 1, name), "EACCES", "EPERM", "ENOENT")


def test_what_the_tasks_init_shows_is_no_secret(sandbox):
    answer = sandbox.run("cat /proc/1/cmdline /proc/1/status /proc/1/mountinfo /proc/self/mountinfo /proc/self/cgroup | tr '\\0' ' '")
    assert SECRET not in answer["stdout"] and "sandbox_driver" not in answer["stdout"]


@pytest.mark.parametrize("attack", ["descriptor_of_process", "attach_to", "namespace_of"])
def test_reaching_into_the_tasks_init(sandbox, attack):
    if attack != "namespace_of":
        assert_control(outside(attack, sandbox.pid))
    assert_held(sandbox.attack(attack, 1), "EPERM", "EACCES")


def test_the_tasks_init_cannot_be_signalled(sandbox):
    with sleeping() as control:
        assert_control(outside("stop_process", control))
    assert_held(sandbox.attack("stop_process", 1))
    assert sandbox.run("kill -9 1; kill -9 -1", "echo lives")["stdout"] == "lives\n"


@pytest.mark.parametrize("way", ["scheduler", "parameters", "attributes", "processors", "priority", "priority_of_group", "priority_of_user", "disk",
                                 "descriptors"])
def test_the_tasks_init_cannot_be_starved(sandbox, way):
    with sleeping(*as_user()) as control:
        assert_control(outside("starve", way, control, user=True))
    assert_held(sandbox.attack("starve", way, 1), "EPERM")


def test_signals_to_everything_stay_inside(sandbox, limited):
    """A sibling's task, which runs meanwhile, lives on."""
    sibling = limited(wall_ms=20000)
    sibling.begin("echo started; sleep 1000 & wait $!")
    wait_until(lambda: programs_of(sibling, "sleep"), 20, "the sibling's program")
    with_one_more = sandbox.run("kill -9 -1; echo unreached")
    assert with_one_more["signal"] == 9 or with_one_more["exited"]
    assert sandbox.run("echo lives")["stdout"] == "lives\n"
    (target,) = programs_of(sibling, "sleep")
    for name in ("terminate", "signal_by_descriptor", "attach_to", "descriptor_of_process", "read_memory_of"):
        assert_held(sandbox.attack(name, target), "ESRCH", "EPERM", "EINVAL")
    assert_held(sandbox.attack("file_of_process", target, "mem"), "ENOENT")
    assert programs_of(sibling, "sleep") == [target]
    # The control: outside all of that works, and at last its task ends.
    for name in ("signal_by_descriptor", "attach_to", "descriptor_of_process", "read_memory_of", "terminate"):
        assert_control(outside(name, target))
    assert sibling.ended()["stdout"] == "started\n"


@pytest.mark.parametrize("name", ["terminate", "signal_by_descriptor", "attach_to", "descriptor_of_process", "read_memory_of"])
def test_reaching_the_worker(sandbox, name):
    """By its pid, which names nothing inside; the control of "terminate" is in the test above."""
    if name != "terminate":
        assert_control(outside(name, sandbox.pid))
    assert_held(sandbox.attack(name, sandbox.pid), "ESRCH", "EPERM", "EINVAL")


@pytest.mark.parametrize("name", ["lower_oom_score", "core_pattern", "dump_core", "capabilities", "change_uid"])
def test_privileges(sandbox, name):
    assert_control(outside(name))
    assert_held(sandbox.attack(name), "EPERM", "EACCES", "EROFS", "ENOENT", "EINVAL")  # EINVAL: there is no such uid


# Above what a task has, below what root's own shell has.
LIMITS = {"RLIMIT_CORE": 4096, "RLIMIT_CPU": 3600, "RLIMIT_FSIZE": 1 << 30, "RLIMIT_NOFILE": 1000, "RLIMIT_NPROC": 1000,
          "RLIMIT_MSGQUEUE": 128 << 10, "RLIMIT_SIGPENDING": 4096}


@pytest.mark.parametrize("name", LIMITS)
def test_raising_a_limit(sandbox, name):
    assert_control(outside("raise_limit", name, LIMITS[name]))
    assert_held(sandbox.attack("raise_limit", name, LIMITS[name]), "EPERM")


def test_environment_of_the_worker(sandbox):
    answer = sandbox.run("env; cat /proc/self/environ")
    assert SECRET not in answer["stdout"]
    assert {line.split("=")[0] for line in answer["stdout"].split("\0")[0].splitlines()} <= {
        "HOME", "TMPDIR", "PATH", "USER", "LOGNAME", "PWD", "SHLVL", "_", "OLDPWD"}


def test_descriptors_of_the_worker(sandbox):
    assert sandbox.run("ls /proc/self/fd | paste -sd ' '")["stdout"] == "0 1 2 3\n"  # 3: the folder being listed

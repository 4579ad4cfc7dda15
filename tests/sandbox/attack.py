"""The attacks (those on what a task may use up, and on the next task, are in exhaustion.py): run inside a sandbox (must be held) and outside of it (the control: must succeed, or get further).

    attack.py NAME [ARGUMENT ...]

prints one line: "reached: ..." when the attack got what it wants, "held: ERRNO" when the kernel refused it (the errno as a name).
"reached" is also what a system call says that got past every filter to its own checks (EFAULT, EINVAL, EBADF for senseless arguments).
Nothing but the standard library, and no import that a sandbox could make fail.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import resource
import shutil
import signal
import socket
import struct
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
ATTACKS = {}
BAD = -1  # a descriptor or an address that is not there

# Refusals of the kernel; anything else that a system call answers means that it was let in.
REFUSALS = {errno.EPERM, errno.EACCES, errno.ENOSYS}


def attack(function):
    ATTACKS[function.__name__] = function
    return function


def held(number):
    print("held:", errno.errorcode.get(number, number))
    sys.exit(0)


def reached(what=""):
    print("reached:", what)
    sys.exit(0)


def syscall(number, *arguments):
    """The result; -errno when it failed."""
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return result if result >= 0 else -ctypes.get_errno()


def judge(result):
    if result < 0 and -result in REFUSALS:
        held(-result)
    reached(f"{result}" if result >= 0 else errno.errorcode[-result])


# --- system calls that must not even begin: number (x86-64) and arguments that do no harm outside -------------------------------

SYSCALLS = {
    "ptrace_traceme": (101, 0, 0, 0, 0),
    "process_vm_readv": (310, os.getpid(), 0, 0, 0, 0, 0),
    "process_vm_writev": (311, os.getpid(), 0, 0, 0, 0, 0),
    "process_madvise": (440, BAD, 0, 0, 0, 0),
    "process_mrelease": (448, BAD, 0),
    "pidfd_getfd": (438, BAD, 0, 0),
    "kcmp": (312, os.getpid(), os.getpid(), 0, 0, 0),
    "move_pages": (279, 0, 0, 0, 0, 0, 0),
    "migrate_pages": (256, 0, 1 << 20, 0, 0),
    "keyctl": (250, 0, -3, 0),
    "add_key": (248, 0, 0, 0, 0, 0),
    "request_key": (249, 0, 0, 0, 0),
    "bpf": (321, 0, 0, 0),
    "io_uring_setup": (425, 1, 0),
    "io_uring_enter": (426, BAD, 0, 0, 0, 0),
    "io_uring_register": (427, BAD, 0, 0, 0),
    "userfaultfd": (323, -1),
    "perf_event_open": (298, 0, 0, -1, -1, 0),
    "memfd_secret": (447, 0x7fffffff),
    "fanotify_init": (300, 0xffffffff, 0),
    "modify_ldt": (154, 99, 0, 0),
    "vmsplice": (278, BAD, 0, 0, 0),
    "mount": (165, 0, 0, 0, 0, 0),
    "umount2": (166, 0, 0),
    "pivot_root": (155, 0, 0),
    "chroot": (161, 0),
    "move_mount": (429, BAD, 0, BAD, 0, 0),
    "open_tree": (428, BAD, 0, 0),
    "open_tree_clone": (428, -100, b"/", 1),
    "fsopen": (430, 0, 0),
    "fsconfig": (431, BAD, 99, 0, 0, 0),
    "fsmount": (432, BAD, 0, 0),
    "fspick": (433, BAD, 0, 0),
    "mount_setattr": (442, BAD, 0, 0, 0, 0),
    "statmount": (457, 0, 0, 0, 0),
    "listmount": (458, 0, 0, 0, 0),
    "setns": (308, BAD, 0),
    "unshare_nothing": (272, 0),
    "open_by_handle_at": (304, BAD, 0, 0),
    "name_to_handle_at": (303, BAD, 0, 0, 0, 0),
    "quotactl": (179, 0x7fffffff, 0, 0, 0),
    "kexec_load": (246, 0, 1 << 20, 0, 0),
    "kexec_file_load": (320, BAD, BAD, 0, 0, 0x7fffffff),
    "reboot": (169, 0, 0, 0, 0),
    "init_module": (175, 0, 0, 0),
    "finit_module": (313, BAD, 0, 0),
    "delete_module": (176, 0, 0),
    "swapon": (167, 0, 0),
    "swapoff": (168, 0),
    "acct": (163, 1),
    "syslog": (103, 99, 0, 0),
    "settimeofday": (164, 1, 0),
    "clock_settime": (227, 99, 0),
    "clock_adjtime": (305, 99, 0),
    "adjtimex": (159, 1),
    "sethostname": (170, 1, 1),
    "setdomainname": (171, 1, 1),
    "iopl": (172, 99),
    "ioperm": (173, 1 << 20, 1, 0),
    "personality": (135, 0),
    "clone3": (435, 0, 0),
}


@attack
def call(name):
    number, *arguments = SYSCALLS[name]
    judge(syscall(number, *arguments))


@attack
def new_namespace(flag):
    """A child in a new namespace, by clone; inside the filter refuses, outside root may."""
    result = syscall(56, int(flag, 16) | signal.SIGCHLD, 0, 0, 0, 0)
    if result == 0:
        os._exit(0)
    if result > 0:
        os.waitpid(result, 0)
    judge(result)


@attack
def unshare_user():
    judge(syscall(272, 0x10000000))


@attack
def x32_call():
    """A system call of another architecture's table: getpid of x32."""
    result = syscall(0x40000000 + 39)
    reached(result) if result > 0 else held(-result)


@attack
def i386_call():
    """getpid by int 0x80, the 32-bit entry: other numbers, same kernel."""
    code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov eax, 20; int 0x80; ret
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    pid = os.fork()
    if pid == 0:
        os._exit(0 if function() == os.getpid() else 1)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        print("held:", signal.Signals(os.WTERMSIG(status)).name)
        return
    if os.WEXITSTATUS(status) == 0:
        reached("getpid")
    held(errno.ENOSYS)


@attack
def terminal_input(path="/dev/null"):
    """TIOCSTI types into somebody's terminal; past the filter /dev/null answers ENOTTY."""
    fd = os.open(path, os.O_RDWR)
    judge(syscall(16, fd, 0x5412, b"x"))


@attack
def terminal_input_high_bits():
    fd = os.open("/dev/null", os.O_RDWR)
    judge(syscall(16, fd, 0x700005412, b"x"))


# --- network --------------------------------------------------------------------------------------------------------------------

@attack
def open_socket(family, kind="1", protocol="0"):
    try:
        socket.socket(int(family), int(kind), int(protocol)).close()
    except OSError as problem:
        judge(-problem.errno)
    reached("a socket")


@attack
def socket_high_bits():
    """The kernel takes the family as an int: bits above must not slip AF_INET past the filter."""
    result = syscall(41, (1 << 32) + socket.AF_INET, socket.SOCK_STREAM, 0)
    judge(result)


@attack
def connect(port):
    try:
        socket.create_connection(("127.0.0.1", int(port)), 5).close()
    except OSError as problem:
        held(problem.errno)
    reached("connected")


@attack
def resolve():
    try:
        socket.getaddrinfo("localhost", 80)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("127.0.0.1", 53))
    except OSError as problem:
        held(problem.errno)
    reached("a way to ask a name server")


@attack
def abstract_socket(name):
    try:
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect("\0" + name)
    except OSError as problem:
        held(problem.errno)
    reached("connected")


@attack
def interfaces():
    with open("/proc/net/dev", encoding="ascii") as file:
        names = sorted(line.split(":")[0].strip() for line in file if ":" in line)
    if names == ["lo"] or names == []:
        held(errno.ENODEV)
    reached(names)


# --- files ----------------------------------------------------------------------------------------------------------------------

@attack
def read(path):
    try:
        with open(path, "rb") as file:
            reached(len(file.read(64)))
    except OSError as problem:
        held(problem.errno)


@attack
def write(path):
    """Writes nothing, but opens for writing (and makes the file when it is not there: removed again)."""
    existed = os.path.lexists(path)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as problem:
        held(problem.errno)
    if not existed:
        os.unlink(path)
    reached("opened for writing")


@attack
def list_folder(path):
    try:
        reached(len(os.listdir(path)))
    except OSError as problem:
        held(problem.errno)


@attack
def read_by_link(path):
    """A link in the workspace to a file of the machine."""
    link = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"link-{os.getpid()}")
    os.symlink(path, link)
    try:
        read(link)
    finally:
        os.unlink(link)


@attack
def make_device(folder):
    path = os.path.join(folder, f"device-{os.getpid()}")
    try:
        os.mknod(path, 0o666 | 0o020000, os.makedev(1, 1))
        os.unlink(path)
    except OSError as problem:
        held(problem.errno)
    reached("a device")


@attack
def effective_uid_of_setuid(program):
    """Runs a setuid-root program that prints its effective uid."""
    try:
        with os.popen(program) as pipe:
            uid = int(pipe.read() or "-1")
    except (OSError, ValueError):
        held(errno.EPERM)
    if uid == 0:
        reached("uid 0")
    held(errno.EPERM)


@attack
def hard_link(path):
    """A second name in the workspace for a file of the machine outlives the task, and is then written to by its owner."""
    link = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"hard-link-{os.getpid()}")
    try:
        os.link(path, link)
    except OSError as problem:
        held(problem.errno)
    os.unlink(link)
    reached("a second name")


@attack
def link_to_open_file():
    """The same by a descriptor: linkat(AT_EMPTY_PATH) needs a capability, /proc/self/fd does not."""
    folder = os.environ.get("TMPDIR", "/tmp")
    fd = os.open("/usr/bin/env", os.O_RDONLY)
    link = os.path.join(folder, f"hard-link-{os.getpid()}").encode()
    result = syscall(265, fd, b"", -100, link, 0x1000)
    if result < 0:
        result = syscall(265, -100, f"/proc/self/fd/{fd}".encode(), -100, link, 0x400)
    if result < 0:
        held(-result)
    os.unlink(link)
    reached("a second name")


@attack
def rename_folder(path):
    """The workspace's own folder taken away, for another to be put in its place."""
    other = f"{path}-away-{os.getpid()}"
    try:
        os.rename(path, other)
    except OSError as problem:
        held(problem.errno)
    os.rename(other, path)
    reached("renamed")


@attack
def swap_race(secret, seconds="2"):
    """A folder and a link to the secret's folder change places for as long as another process opens through them: whoever checks
    a path first and follows it later is caught."""
    base = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"race-{os.getpid()}")
    folder, name = os.path.split(secret)
    os.makedirs(f"{base}/inner")
    with open(f"{base}/inner/{name}", "wb") as file:
        file.write(b"mine")
    os.symlink(folder, f"{base}/link")
    swapper = os.fork()
    if swapper == 0:
        while True:
            syscall(316, -100, f"{base}/inner".encode(), -100, f"{base}/link".encode(), 2)  # renameat2, RENAME_EXCHANGE
    end, refusals, got = time.monotonic() + float(seconds), set(), b"mine"
    while time.monotonic() < end and got == b"mine":
        try:
            with open(f"{base}/inner/{name}", "rb") as file:
                got = file.read(64)
        except OSError as problem:
            refusals.add(problem.errno)
    os.kill(swapper, signal.SIGKILL)
    os.waitpid(swapper, 0)
    shutil.rmtree(base, ignore_errors=True)
    if got != b"mine":
        reached("the secret")
    held(sorted(refusals)[0] if refusals else errno.EAGAIN)


@attack
def overwrite_running(program):
    """Overwrites the program of a running process: its file, then (it is busy) another put in its place."""
    try:
        os.close(os.open(program, os.O_WRONLY))
        reached("opened")
    except OSError as problem:
        if problem.errno != errno.ETXTBSY:
            held(problem.errno)
    other = f"{program}-{os.getpid()}"
    try:
        os.close(os.open(other, os.O_WRONLY | os.O_CREAT, 0o755))
        os.rename(other, program)
    except OSError as problem:
        held(problem.errno)
    reached("replaced")


@attack
def overwrite_own_interpreter():
    """As runc's hole did: through /proc/self/exe, and a second look when nobody runs it."""
    fd = os.open("/proc/self/exe", os.O_PATH)
    try:
        os.close(os.open(f"/proc/self/fd/{fd}", os.O_WRONLY))
    except OSError as problem:
        held(problem.errno)
    reached("opened for writing")


@attack
def lease(path):
    """A lease on a file of the machine holds up whoever opens it next."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as problem:
        held(problem.errno)
    reached("a lease")


# --- other processes ------------------------------------------------------------------------------------------------------------

@attack
def signal_process(pid):
    """Signal 0 asks only whether a signal would be let through."""
    try:
        os.kill(int(pid), 0)
    except OSError as problem:
        held(problem.errno)
    reached("a signal would arrive")


@attack
def read_memory_of(pid):
    """process_vm_readv of eight bytes; from an address that is nowhere, so that who is let in hears EFAULT."""
    local = ctypes.create_string_buffer(8)
    ours = ctypes.create_string_buffer(struct.pack("PN", ctypes.addressof(local), 8))
    theirs = ctypes.create_string_buffer(struct.pack("PN", 4096, 8))
    judge(syscall(310, int(pid), ctypes.addressof(ours), 1, ctypes.addressof(theirs), 1, 0))


@attack
def terminate(pid):
    """Really, with SIGKILL."""
    try:
        os.kill(int(pid), signal.SIGKILL)
    except OSError as problem:
        held(problem.errno)
    reached("killed")


@attack
def signal_by_descriptor(pid):
    fd = syscall(434, int(pid), 0)
    if fd < 0:
        held(-fd)
    judge(syscall(424, fd, 0, 0, 0))


@attack
def starve(way, pid):
    """The task's init has the program's uid and keeps the time: it must not be made slow, nor its limits small."""
    pid, group, user = int(pid), os.getpgid(int(pid)), os.getuid()
    ways = {
        "scheduler": lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),
        "parameters": lambda: os.sched_setparam(pid, os.sched_param(0)),
        "attributes": lambda: judge(syscall(314, pid, struct.pack("=IIQiIQQQ", 48, 5, 0, 0, 0, 0, 0, 0), 0)),
        "processors": lambda: os.sched_setaffinity(pid, {min(os.sched_getaffinity(0))}),
        "priority": lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
        "priority_of_group": lambda: os.setpriority(os.PRIO_PGRP, group, 19),
        "priority_of_user": lambda: os.setpriority(os.PRIO_USER, user, 19),
        "disk": lambda: judge(syscall(251, 1, pid, 3 << 13)),
        "descriptors": lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3)),
    }
    try:
        ways[way]()
    except OSError as problem:
        held(problem.errno)
    reached(way)


@attack
def stop_process(pid):
    """The task's init must not die, nor stop, nor be told to."""
    for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGCHLD, signal.SIGXCPU, signal.SIGKILL):
        try:
            os.kill(int(pid), number)
        except OSError as problem:
            held(problem.errno)
    for _ in range(20):  # a busy machine takes its time to end a process
        time.sleep(0.05)
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                state = file.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            state = "gone"
        if state not in "SRD":
            reached(f"state {state}")
            return
    held(errno.EPERM)


@attack
def process_with(text):
    """Looks for a process of the machine by its command line."""
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    if text.encode() in file.read():
                        reached(f"pid {entry}")
            except OSError:
                pass
    held(errno.ESRCH)


@attack
def file_of_process(pid, name):
    try:
        path = f"/proc/{pid}/{name}"
        if name in ("fd", "map_files", "task", "ns"):
            entries = os.listdir(path)
            reached(os.readlink(f"{path}/{entries[0]}"))
        with open(path, "rb", buffering=0) as file:
            if name == "mem":
                reached("opened")
            data = file.read(64)
            if not data and name != "environ":
                held(errno.EACCES)
            reached(len(data))
    except OSError as problem:
        held(problem.errno)


@attack
def descriptor_of_process(pid):
    fd = syscall(434, int(pid), 0)
    if fd < 0:
        held(-fd)
    judge(syscall(438, fd, 0, 0))


@attack
def attach_to(pid):
    judge(syscall(101, 0x4206, int(pid), 0, 0))  # PTRACE_SEIZE: does not stop it; undone when this process ends


@attack
def namespace_of(pid):
    try:
        fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    except OSError as problem:
        held(problem.errno)
    judge(syscall(308, fd, 0))


@attack
def lower_oom_score():
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("0")
    except OSError as problem:
        held(problem.errno)
    reached("oom_score_adj 0")


@attack
def core_pattern():
    write("/proc/sys/kernel/core_pattern")


@attack
def dump_core():
    """A crash must leave no core file."""
    folder = os.environ.get("TMPDIR", "/tmp")
    os.chdir(folder)
    import resource  # pylint: disable=import-outside-toplevel
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        held(errno.EPERM)
    reached("a core file would be written")


@attack
def raise_limit(name, to="-1"):
    import resource  # pylint: disable=import-outside-toplevel
    try:
        resource.setrlimit(getattr(resource, name), (int(to), int(to)))
    except (OSError, ValueError):
        held(errno.EPERM)
    reached(f"raised to {to}")


@attack
def capabilities():
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    sets = [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    if not any(sets) and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2":
        held(errno.EPERM)
    reached(f"{sets} {status['NoNewPrivs']} {status['Seccomp']}")


@attack
def change_uid():
    try:
        os.setuid(0)
    except OSError as problem:
        held(problem.errno)
    reached("uid 0")


if __name__ == "__main__":
    import attack as registry
    import exhaustion  # noqa: F401  pylint: disable=unused-import
    registry.ATTACKS[sys.argv[1]](*sys.argv[2:])

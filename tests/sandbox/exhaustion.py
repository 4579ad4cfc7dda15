"""Attacks on what a task may use up, and on the task after it. A part of attack.py, which runs them.

What has an end here has it so that the control, outside or with larger limits, gets there.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from attack import LIBC, attack, held, reached


def hog(size):
    block = mmap.mmap(-1, size)
    for at in range(0, size, 4096):
        block[at] = 1
    return block


def has(what, seconds):
    """The bomb is whole. Where memory is limited by looking at it every few ms, the looking is what is tested, and not how soon a busy
    machine lets it look: so what there is stays for `seconds`."""
    time.sleep(float(seconds))
    reached(what)


BOMB_BYTES = 400 << 20  # beyond every limit of the tests, within what a machine has
PIECE = 16 << 20


@attack
def memory_bomb(seconds="0"):
    blocks = [hog(PIECE) for _ in range(BOMB_BYTES // PIECE)]
    has(f"{len(blocks)} blocks", seconds)


@attack
def memory_bomb_of_many(seconds="0"):
    """No single process has much."""
    children, (full, filled) = [], os.pipe()

    def child_died(*_):
        print("held:", signal.Signals(os.WTERMSIG(os.wait()[1])).name, flush=True)
        os._exit(0)

    signal.signal(signal.SIGCHLD, child_died)
    for _ in range(BOMB_BYTES // PIECE):
        children.append(os.fork())
        if children[-1] == 0:
            blocks = [hog(PIECE)]
            os.write(filled, b"x")
            signal.pause()
            os._exit(len(blocks))
    for _ in children:
        os.read(full, 1)
    time.sleep(float(seconds))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    reached(f"{len(children)} processes")


@attack
def shared_memory_bomb(seconds="0"):
    block = mmap.mmap(-1, BOMB_BYTES)  # shared, anonymous
    for at in range(0, BOMB_BYTES, 4096):
        block[at] = 1
    has("all of it", seconds)


@attack
def memfd_bomb(seconds="0"):
    descriptors = []
    for _ in range(BOMB_BYTES // PIECE):
        try:
            descriptors.append(os.memfd_create("bomb"))
        except OSError as problem:
            held(problem.errno)
        for _ in range(PIECE >> 20):
            os.write(descriptors[-1], b"x" * (1 << 20))
    has(f"{len(descriptors)} files", seconds)


@attack
def system_v_bomb():
    shmget, shmat, shmctl = LIBC.shmget, LIBC.shmat, LIBC.shmctl
    shmat.restype = ctypes.c_void_p
    for _ in range(BOMB_BYTES // PIECE):
        identity = shmget(0, PIECE, 0o600 | 0o1000)
        if identity < 0:
            held(ctypes.get_errno())
        address = shmat(identity, None, 0)
        shmctl(identity, 0, None)  # goes with this process
        ctypes.memset(address, 1, PIECE)
    reached("all of it")


@attack
def fork_bomb():
    told = False  # by each process once
    while True:
        try:
            os.fork()
        except OSError as problem:
            if not told:
                print("held:", errno.errorcode[problem.errno], flush=True)
            told = True


@attack
def many_processes(wanted="300"):
    """What a fork bomb wants, with an end."""
    children = []
    try:
        while len(children) < int(wanted):
            children.append(os.fork())
            if children[-1] == 0:
                signal.pause()
    except OSError as problem:
        print("held:", errno.errorcode[problem.errno], len(children))
    else:
        print("reached:", len(children))
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@attack
def thread_bomb():
    count = 0
    try:
        while count < 5000:
            threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
            count += 1
    except RuntimeError:
        print("held: EAGAIN", count)
        sys.stdout.flush()
        os._exit(0)
    print("reached:", count)
    sys.stdout.flush()
    os._exit(0)


@attack
def descriptor_bomb():
    descriptors = []
    try:
        while len(descriptors) < 15000:
            descriptors.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as problem:
        for fd in descriptors:
            os.close(fd)
        print("held:", errno.errorcode[problem.errno], len(descriptors))
        sys.exit(0)
    reached(len(descriptors))


@attack
def inode_bomb(folder, wanted="50000"):
    os.makedirs(folder, exist_ok=True)
    try:
        for i in range(int(wanted)):
            os.close(os.open(f"{folder}/{i}", os.O_CREAT | os.O_WRONLY))
    except OSError as problem:
        held(problem.errno)
    reached(f"{wanted} files")


@attack
def disk_bomb(path, wanted_mb="256"):
    try:
        with open(path, "wb", buffering=0) as file:
            for _ in range(int(wanted_mb)):
                if file.write(b"x" * (1 << 20)) < 1 << 20:
                    raise OSError(errno.ENOSPC, "short write")
    except OSError as problem:
        held(problem.errno)
    reached(f"{wanted_mb} MB")


@attack
def large_file(how, path="large"):
    """A size far beyond the limit: by truncate, by fallocate, or by one byte far out. SIGXFSZ is ignored (as Python does), so that
    the errno shows."""
    size = 1 << 30
    try:
        with open(path, "wb", buffering=0) as file:
            if how == "sparse":
                os.truncate(file.fileno(), size)
            elif how == "allocated":
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                os.pwrite(file.fileno(), b"x", size)
    except OSError as problem:
        held(problem.errno)
    os.unlink(path)
    reached(f"{size} bytes")


@attack
def deep_folders():
    """A tree that is hard to remove: deep, and closed to its owner."""
    for _ in range(2000):
        os.mkdir("d")
        os.chdir("d")
    for _ in range(2000):
        os.chdir("..")
    os.chmod("d", 0)
    os.mkdir("closed")
    os.chmod("closed", 0)
    print("done")


@attack
def flood(fd):
    block = b"x" * 65536
    while True:
        os.write(int(fd), block)


@attack
def stubborn_sleeper():
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        time.sleep(1000)


@attack
def mark_input():
    """/dev/null: its flags are those of what was opened, as long as anybody has it. (So is a lock, which tests that run at once would share.)"""
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_NONBLOCK)
    fcntl.fcntl(0, fcntl.F_SETSIG, signal.SIGUSR1)
    print("done")


@attack
def look_at_input():
    print(os.get_blocking(0), fcntl.fcntl(0, fcntl.F_GETSIG))


@attack
def daemons():
    for _ in range(5):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for fd in range(3):
                    os.close(fd)
                while True:
                    time.sleep(1000)
            os._exit(0)
        os.wait()
    print("done")


@attack
def zombies():
    for _ in range(40):
        if os.fork() == 0:
            os._exit(0)
    print("done")


@attack
def stopped():
    if os.fork() == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)


@attack
def passing_descriptors():
    """Sockets in flight inside each other, a cycle that only the kernel's collector can free."""
    for _ in range(50):
        left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("2i", left.fileno(), right.fileno()))])
    print("done")


@attack
def executable_in_use():
    """A program of the task's own, written to while it runs: ETXTBSY there as anywhere, and the task goes on."""
    shutil.copy("/bin/sleep", "own")
    child = subprocess.Popen(["./own", "1000"])
    try:
        os.close(os.open("own", os.O_WRONLY))
    except OSError as problem:
        held(problem.errno)
    finally:
        child.kill()
        child.wait()
    reached("opened for writing")


# --- what one task leaves for the next: plant, then look -------------------------------------------------------------------------

@attack
def plant():
    for folder in ("/work", "/tmp", "/dev/shm", "/var/tmp", "/run"):
        try:
            with open(f"{folder}/planted", "w", encoding="ascii") as file:
                file.write("x")
        except OSError:
            pass
    LIBC.shmget(4711, 4096, 0o666 | 0o1000)
    LIBC.msgget(4711, 0o666 | 0o1000)
    LIBC.semget(4711, 1, 0o666 | 0o1000)
    LIBC.mq_open(b"/planted", os.O_CREAT | os.O_RDWR, 0o666, None)
    if os.fork() == 0:
        os.setsid()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind("\0planted")
        listener.listen()
        time.sleep(1000)
    time.sleep(0.1)
    print("done")


@attack
def look():
    found = [folder for folder in ("/work", "/tmp", "/dev/shm", "/var/tmp", "/run") if os.path.lexists(f"{folder}/planted")]
    for name, arguments in (("shmget", (4711, 0, 0)), ("msgget", (4711, 0)), ("semget", (4711, 0, 0))):
        if getattr(LIBC, name)(*arguments) >= 0:
            found.append(name)
    if LIBC.mq_open(b"/planted", os.O_RDWR) >= 0:
        found.append("mq_open")
    try:
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect("\0planted")
        found.append("abstract socket")
    except OSError:
        pass
    found += [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) not in (1, os.getpid(), os.getppid())]
    if found:
        reached(found)
    held(errno.ENOENT)


@attack
def plant_lock(path):
    """A lock on a file that every task sees, held by a daemon."""
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if os.fork() == 0:
        os.setsid()
        time.sleep(1000)
    print("done")


@attack
def look_for_lock(path):
    """Held when the lock is free: nothing of the task before is in the way of this one."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        reached(f"{errno.errorcode[problem.errno]}: still locked")
    held(errno.ENOENT)

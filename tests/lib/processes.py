"""Processes that a test starts: output into files, stopped by pid and only by the one who started them."""
import os
import pathlib
import signal
import subprocess

from lib.waiting import wait_until


class Process:
    """One of our programs running in the background."""

    def __init__(self, words, env, log, cwd=None):
        self.log = pathlib.Path(log)
        self.out = self.log.with_suffix(".out")
        with open(self.log, "ab") as err, open(self.out, "ab") as out:
            self.child = subprocess.Popen(words, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                          start_new_session=True)
        self.pid = self.child.pid

    def alive(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def wait(self, seconds=60):
        """The exit status (negative: the signal)."""
        return self.child.wait(seconds)

    def stop(self, seconds=60):
        """SIGTERM, as an operator would; the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"pid {self.pid} did not end within {seconds} s of SIGTERM:\n{self.errors()[-4000:]}") from None

    def kill(self):
        """SIGKILL: as a crash, or the kernel's OOM killer."""
        self.signal(signal.SIGKILL)
        return self.wait(10)

    def errors(self):
        """What it wrote to standard error so far."""
        return self.log.read_text(errors="replace")

    def output(self):
        return self.out.read_text(errors="replace")

    def wait_for_log(self, text, seconds=30):
        def in_log():
            if text in self.errors():
                return True
            assert self.alive(), f"it ended with {self.child.poll()}:\n{self.errors()[-4000:]}"
            return False
        wait_until(in_log, seconds, f"{text!r} in {self.log}")

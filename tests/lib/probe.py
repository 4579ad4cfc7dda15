"""A program of tests/tools that answers each line with JSON lines."""
import json
import os
import subprocess
import threading

from lib.waiting import wait_until


class Probe:
    def __init__(self, *words):
        env = {**os.environ, "ASSAY_NO_LOCAL_ENV": "1"}
        self.child = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, bufsize=1, env=env)
        self.events = []
        self.stderr = []
        self._taken = 0
        self._threads = [threading.Thread(target=self._read, daemon=True),
                         threading.Thread(target=lambda: self.stderr.extend(self.child.stderr), daemon=True)]
        for thread in self._threads:
            thread.start()

    def _read(self):
        for line in self.child.stdout:
            self.events.append(json.loads(line))

    def say(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def next(self, seconds=30):
        """The next line it said."""
        def answered():
            return len(self.events) > self._taken or (self.child.poll() is not None and not self._threads[0].is_alive())
        wait_until(answered, seconds, f"an answer after {self.events[-3:]} {self.stderr[-20:]}", every=0.01)
        assert len(self.events) > self._taken, f"it ended after {self.events[-3:]} {self.stderr[-20:]}"
        self._taken += 1
        return self.events[self._taken - 1]

    def expect(self, event, seconds=30, **fields):
        """Skips to the next event of that name with these fields, and returns it."""
        while True:
            said = self.next(seconds)
            if said.get("event") == event and all(said.get(name) == value for name, value in fields.items()):
                return said

    def seen(self, event):
        """All events of that name so far."""
        return [said for said in list(self.events) if said.get("event") == event]

    def close(self):
        """Ends it: its exit status."""
        if self.child.poll() is None:
            self.child.stdin.close()
        try:
            status = self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise
        for thread in self._threads:
            thread.join(10)
        return status

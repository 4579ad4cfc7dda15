#!/usr/bin/python3
"""The loop of `compose/local autoscale`: looks at the queues, asks scaling.py, calls `compose/local scale`. Ends by a signal.

usage: autoscale.py LOCAL PRODUCER EVERY_S BACKLOG_S IDLE_S GROUP:RUNTIME,RUNTIME:MINIMUM:MAXIMUM ...
"""
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import scaling

# With the publisher's variables, but without its database: jobs and workers are not asked for. Only this command has them: the
# workers that `scale` starts would inherit them.
STATUS = '. "$1"; unset ASSAY_PG_URL; ASSAY_NO_LOCAL_ENV=1 exec "$2" status --format json'
LANES = ("", ".interactive", ".bulk")


class Group:
    def __init__(self, words, state, backlog_s, idle_s):
        self.name, runtimes, minimum, maximum = words.split(":")
        self.queues = [f"assay.tasks.{runtime}{lane}" for runtime in runtimes.split(",") for lane in LANES]
        self.settings = scaling.Settings(int(minimum), int(maximum), backlog_s, idle_s)
        self.memory = scaling.Memory()
        self.count_file = state / "fleet" / f"{self.name}.count"

    def workers(self):
        return int(self.count_file.read_text()) if self.count_file.exists() else 0

    def look(self, queues, at_s):
        own = [queues[name] for name in self.queues if name in queues]

        def total(field):
            return sum(queue.get(field, 0) for queue in own)
        # Each worker consumes from every queue of its group.
        return scaling.Look(at_s, total("waiting"), total("running"), max((queue["consumers"] for queue in own), default=0),
                            total("ack_rate"))


def say(text):
    print(f"assay: autoscale: {text}", file=sys.stderr, flush=True)


class Ended(Exception):
    pass


def end(number, frame):
    raise Ended


class Autoscaler:
    def __init__(self, local, producer, state, groups):
        self.local, self.producer, self.state, self.groups = local, producer, state, groups
        self.blind = False

    def queues(self):
        """Each queue's figures by its name; None when they cannot be had."""
        done = subprocess.run(["/bin/bash", "-c", STATUS, "status", self.state / "env/env", self.producer], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            if not self.blind:
                say(f"the queues cannot be seen, the workers stay as they are: {done.stderr.strip()}")
            self.blind = True
            return None
        if self.blind:
            say("the queues can be seen again")
        self.blind = False
        return {queue["name"]: queue for queue in json.loads(done.stdout)["queues"]}

    def scale(self, group, look, workers, wanted):
        say(f"{group.name}: {workers} -> {wanted} workers; {look.waiting} tasks wait, {look.running} are with workers, "
            f"{look.done_rate:.1f}/s done")
        # In a session of its own: the terminal's interrupt is for us, and what has begun is brought to its end.
        done = subprocess.run([self.local, "scale", f"{group.name}={wanted}"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, start_new_session=True, check=False)
        if done.returncode != 0:
            say(f"{group.name}: not scaled: {done.stderr.strip()}")

    def round(self):
        queues = self.queues()
        if queues is None:
            return
        for group in self.groups:
            look = group.look(queues, time.monotonic())
            workers = group.workers()
            wanted, group.memory = scaling.decide(group.settings, group.memory, look, workers)
            if wanted != workers:
                self.scale(group, look, workers, wanted)

    def run(self, every_s):
        for group in self.groups:
            say(f"{group.name}: between {group.settings.minimum} and {group.settings.maximum} workers, now {group.workers()}")
        while True:
            self.round()
            time.sleep(every_s)


def main():
    local, producer, every_s, backlog_s, idle_s, *words = sys.argv[1:]
    state = pathlib.Path(os.environ["ASSAY_STATE"])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with open(state / "run" / "autoscale.lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another one is at work in {state}")
            return 2
        groups = [Group(word, state, float(backlog_s), float(idle_s)) for word in words]
        try:
            Autoscaler(local, producer, state, groups).run(float(every_s))
        except Ended:
            say("ended; the workers stay as they are")
    return 0


if __name__ == "__main__":
    sys.exit(main())

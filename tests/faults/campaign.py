"""A campaign: a job of known verdicts runs while a schedule of faults happens; then the books are checked.

The schedule comes from a seed: the same seed gives the same faults at the same times, with the same choice among what runs.
What the machine makes of them is not repeatable to the millisecond, but a lost or doubled verdict has come back so far.
"""
import heapq
import json
import os
import pathlib
import random
import signal
import time

import psycopg2
import tasks as truth

JOB = "campaign"


class Campaign:
    """`count` tasks under faults drawn from `seed`, one every `gap_s` seconds on average until every task has its verdict, or
    `faults_s` seconds are over; then the fleet is left alone to finish. `rate`: tasks published a second, so that a quick fleet is not
    done before the faults come; None: as fast as they go. `tell` takes lines for a person."""

    def __init__(self, site, count, seed, gap_s=3.0, faults_s=60.0, rate=None, tell=print):
        self.site, self.seed, self.gap_s, self.faults_s, self.tell = site, seed, gap_s, faults_s, tell
        self.publish = ["--rate", rate] if rate else []
        self.random = random.Random(seed)
        self.tasks, self.expected = truth.make(count, JOB)
        self.file = site.write_tasks(self.tasks, "campaign.jsonl")
        self.log = open(site.folder / "schedule.jsonl", "w", encoding="utf-8")
        self.start = time.monotonic()
        self.roles = {}    # name -> Process
        self.uids = set()  # of the sandboxes: nothing of them may be left
        self.undo = []     # heap of (time, number, name, function)
        self.counted = {}

    # -- the fleet ---------------------------------------------------------------------------------------------------------

    def _start_role(self, role):
        if role.startswith("worker"):
            made = self.site.start_worker("bash,python", slots=2, name=role, wait=False, ASSAY_WORKER_DRAIN_S=5)
            self.uids.update(range(made.uid_base, made.uid_base + 64))
        elif role.startswith("collector"):
            made = self.site.start_collector(wait=False, ASSAY_COLLECTOR_NAME=role)
        else:
            made = self.site.start("assay-producer", "publish", self.file, "--job", JOB, "--wait", *self.publish)
        self.roles[role] = made

    def _keep_up(self):
        """What an orchestrator does: what has ended is started again. True when the producer has all its verdicts."""
        for role, process in list(self.roles.items()):
            if process.alive():
                continue
            code = process.wait(0)
            if role == "producer" and code in (0, 1):
                return True
            assert code in (-9, -15, 0, 3, 143), f"{role} ended with {code}:\n{process.errors()[-3000:]}"
            self._start_role(role)
        return False

    # -- the books ---------------------------------------------------------------------------------------------------------

    def rows(self):
        return self.site.sql("SELECT task_id, status, reason FROM executions WHERE job_id = %s", JOB)

    def wrong(self):
        """What is not as it has to be, as lines; none when every verdict is there, once, and right."""
        found = {task: (status, reason) for task, status, reason in self.rows()}
        lines = [f"{task}: {found.get(task, 'lost')} instead of {must}" for task, must in self.expected.items() if found.get(task) != must]
        lines += [f"{task}: nobody published it" for task in found if task not in self.expected]
        counted = self.site.sql("SELECT state, total, done, passed, failed, timed_out, errors FROM jobs WHERE job_id = %s", JOB)
        by_status = {status: sum(must[0] == status for must in self.expected.values()) for status in ("pass", "fail", "timeout", "error")}
        must = ("complete", len(self.expected), len(self.expected), *by_status.values())
        if counted != [must]:
            lines.append(f"jobs: {counted} instead of {must}")
        for row in self.site.sql("SELECT kind, job_id, task_id, reason FROM dead_letters"):
            lines.append(f"dead letter: {row}")
        for queue in ("assay.tasks.bash", "assay.tasks.python", "assay.results", "assay.dead.tasks", "assay.dead.results"):
            if self.site.depth(queue):
                lines.append(f"{queue}: {self.site.depth(queue)} messages")
        return lines

    def left_over(self):
        """Processes of the sandboxes' users, after the end of all workers."""
        left = []
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            except OSError:
                continue  # it ended meanwhile
            if int(fields["Uid"].split()[0]) in self.uids:
                left.append(f"{status.parent.name} {fields['Name'].strip()}")
        return left

    # -- the way through ---------------------------------------------------------------------------------------------------

    def _note(self, fault, target=""):
        at = time.monotonic() - self.start
        self.counted[fault] = self.counted.get(fault, 0) + 1
        self.log.write(json.dumps({"at_s": round(at, 2), "fault": fault, "target": str(target), "seed": self.seed}) + "\n")
        self.log.flush()
        self.tell(f"{at:7.1f} s  {fault} {target}")

    def later(self, seconds, name, function):
        heapq.heappush(self.undo, (time.monotonic() + seconds, len(self.undo), name, function))

    def _undo_due(self, everything=False):
        while self.undo and (everything or self.undo[0][0] <= time.monotonic()):
            _, _, name, function = heapq.heappop(self.undo)
            function()
            if name:
                self._note(name)

    def _settle(self, seconds):
        """No more faults: until the producer has all verdicts, and the books are right or the time is over."""
        deadline = time.monotonic() + seconds
        finished = False
        wrong = ["the producer does not end"]
        while wrong and time.monotonic() < deadline:
            finished = finished or self._keep_up()
            if finished:
                self.roles.pop("producer", None)
                try:
                    wrong = self.wrong()
                except psycopg2.Error as problem:
                    wrong = [str(problem)]
            time.sleep(0.2)
        return wrong

    def run(self, faults, workers=2, collectors=1, settle_s=300):
        """`faults`: list of (weight, function(campaign, random) -> what it met, or None when it could not). What was wrong, as lines."""
        self.tell(f"{len(self.tasks)} tasks, seed {self.seed}, schedule in {self.log.name}")
        for role in [f"worker{n}" for n in range(workers)] + [f"collector{n}" for n in range(collectors)] + ["producer"]:
            self._start_role(role)
        weights = [weight for weight, _ in faults]
        due = time.monotonic() + self.random.uniform(0.5, 1.5) * self.gap_s
        try:
            while time.monotonic() - self.start < self.faults_s and not self._keep_up():
                self._undo_due()
                if time.monotonic() >= due:
                    _, fault = self.random.choices(faults, weights)[0]
                    # A generator of its own: what a fault draws does not change the faults after it.
                    target = fault(self, random.Random(self.random.random()))
                    if target is not None:
                        self._note(fault.__name__, target)
                    due = time.monotonic() + self.random.uniform(0.5, 1.5) * self.gap_s
                time.sleep(0.05)
        finally:
            self._undo_due(everything=True)
        self._note("end of faults")
        wrong = self._settle(settle_s)
        wrong += self._stop()
        self.log.close()
        return wrong

    def _stop(self):
        wrong = []
        for role, process in self.roles.items():
            code = process.stop()
            if code != 0:
                wrong.append(f"{role} ended with {code} after SIGTERM:\n{process.errors()[-2000:]}")
        return wrong + [f"left over: {name}" for name in self.left_over()]

    def choose(self, rng, kind):
        """One of the running roles of a kind ("worker", "collector", "producer"), or None."""
        running = sorted(role for role, process in self.roles.items() if role.startswith(kind) and process.alive())
        return rng.choice(running) if running else None

    def signal(self, rng, kind, number):
        role = self.choose(rng, kind)
        if role is not None:
            self.roles[role].signal(number)
        return role

    def pause(self, rng, kind):
        role = self.choose(rng, kind)
        if role is not None:
            process = self.roles[role]
            process.signal(signal.SIGSTOP)
            self.later(rng.uniform(0.5, 8), "", lambda: process.signal(signal.SIGCONT))
        return role


def children(pid):
    """Pids of the direct children of a process."""
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return pid

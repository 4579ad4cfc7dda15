"""The report: JSON lines with the secret on a private descriptor.

Everything that the lines need is bound here, before the program is loaded: replacing json.dumps or os.write
changes nothing in them. A forked child of the program inherits the descriptor but not the right to report.
"""

import hashlib
import json
import os

# A program may put others in their place for a while.
from builtins import len, round, set, str, type

NAME_MAX = 500
MESSAGE_MAX = 4000
# The worker takes 8 MiB in all. Names come first, messages get what is left, the passed tests' lines too.
LIST_LINE_BYTES = 48 * 1024
MESSAGES_TOTAL_BYTES = 4 * 1024 * 1024
MESSAGE_MAX_WHEN_SPENT = 100
STARTS_MAX = 5000
EXIT_NO_CHANNEL = 3


def clean(text):
    """Text that JSON readers and PostgreSQL take: no NUL, no lone surrogates."""
    if type(text) is str and text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def bounded_name(name):
    name = clean(name)
    if len(name) <= NAME_MAX:
        return name
    digest = hashlib.sha256(name.encode("utf-8")).hexdigest()[:16]
    return name[: NAME_MAX - 20] + "..." + digest


def bounded_message(text, limit=MESSAGE_MAX):
    # Cut before cleaning: a message may be as long as the program's memory.
    if len(text) > limit:
        text = text[: limit - 3] + "..."
    return clean(text)


def make_encoder():
    """encode(value) -> JSON text for str, bool, int, float, None, list and dict."""

    def refuse(value):
        raise TypeError(type(value).__name__)

    iterate = json.encoder.c_make_encoder(None, refuse, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True)
    join = "".join
    return lambda value: join(iterate(value, 0))


def make_sender(descriptor, secret):
    """send(dict): one line. The secret lives in this closure alone.
    guard_by(guard, canaries): from now on guard(kind) -> [text] is asked before each line about a test and before `done`; what it
    says is reported as tampering. Only the first guard counts. canaries: name -> outcomes that one may have (canaries.py);
    their lines are compared and not written, and until one came no test has passed.
    due(name): that canary's line comes next. excuse(name): whatever it says. seen(text): tampering, also of a forked child, which has in its memory
    all that there is to look for, and could hand it to its parent."""
    encode = make_encoder()
    write, fstat, getpid, leave = os.write, os.fstat, os.getpid, os._exit
    owner = os.getpid()
    prefix = '{"k":' + encode(secret) + ","
    guards, table, awaited, met = [], {}, set(), set()
    green = ("passed", "xfailed", "xpassed")

    def identity():
        found = fstat(descriptor)
        return found.st_dev, found.st_ino

    channel = identity()

    def put(fields):
        line = (prefix + encode(fields)[1:] + "\n").encode("ascii")
        while line:
            # Not into a pipe that the program put in its place: it would read the secret there.
            if identity() != channel:
                leave(EXIT_NO_CHANNEL)
            line = line[write(descriptor, line) :]

    def send(fields):
        if getpid() != owner:
            return
        kind = fields["t"]
        if guards and kind in ("test", "done"):
            for text in guards[0](kind) + canaries_say(kind, fields):
                put({"t": "tampered", "message": bounded_message(text)})
        if kind != "test" or fields["name"] not in table:
            put(fields)

    def seen(text):
        put({"t": "tampered", "message": bounded_message(text)})

    def canaries_say(kind, fields):
        """What a line says of the canaries, as texts."""
        name = fields.get("name")
        if name in awaited:
            awaited.discard(name)
            met.add(name)
            good = fields["outcome"] in table[name]
            return [] if good else ["a test that must %s ended as %s" % (duty(name), fields["outcome"])]
        if name in table:
            return ["a test of the harness reported unasked"]
        if kind == "test" and fields["outcome"] in green and not met:
            return ["%s passed before the tests began" % name]
        found = ["a test that must %s did not report" % duty(name) for name in awaited]
        awaited.clear()
        return found

    def duty(name):
        return "pass" if "passed" in table[name] else "fail"

    def guard_by(guard, canaries):
        if not guards:
            table.update(canaries)
            guards.append(guard)

    def excuse(name):
        awaited.discard(name)
        met.add(name)

    return send, guard_by, awaited.add, excuse, seen


class Reporter:
    def __init__(self, descriptor, secret):
        os.set_inheritable(descriptor, False)
        self._send, self.guard_by, self.canary_due, self.excuse_canary, self.seen = make_sender(descriptor, secret)
        self._messages_left = MESSAGES_TOTAL_BYTES
        self._starts_left = STARTS_MAX
        self.kept = False  # what was made of the suite is an earlier task's: `done` says so

    def _names(self, kind, names):
        part, size = [], 0
        for name in names:
            name = bounded_name(name)
            cost = 6 * len(name) + 4
            if part and size + cost > LIST_LINE_BYTES:
                self._send({"t": kind, "tests": part})
                part, size = [], 0
            part.append(name)
            size += cost
        self._send({"t": kind, "tests": part})

    def plan(self, names):
        self._names("plan", names)

    def collected(self, names):
        self._names("collected", names)

    def start(self, name):
        if self._starts_left > 0:
            self._starts_left -= 1
            self._send({"t": "start", "name": bounded_name(name)})

    def test(self, name, outcome, milliseconds, message="", suite_skip=False):
        fields = {"t": "test", "name": bounded_name(name), "outcome": outcome, "ms": round(milliseconds, 3)}
        if message:
            spent = self._messages_left <= 0
            fields["message"] = bounded_message(message, MESSAGE_MAX_WHEN_SPENT if spent else MESSAGE_MAX)
            self._messages_left -= len(fields["message"])
        if suite_skip:
            fields["suite_skip"] = True
        self._send(fields)

    def suite_error(self, fault, message):
        self._send({"t": "suite_error", "fault": fault, "message": bounded_message(message)})

    def tampered(self, message):
        self._send({"t": "tampered", "message": bounded_message(message)})

    def harness_error(self, message):
        self._send({"t": "harness_error", "message": bounded_message(message)})

    def coverage(self, report):
        self._send({"t": "coverage", "report": report})

    def again(self, reason, failed):
        """The run is broken off: it is to be made once more, under pytest."""
        self._send({"t": "again", "message": bounded_message(reason), "tests": [bounded_name(name) for name in failed]})

    def done(self, fast=False):
        fields = {"t": "done"}
        if fast:
            fields["fast"] = True
        if self.kept:
            fields["kept"] = True
        self._send(fields)

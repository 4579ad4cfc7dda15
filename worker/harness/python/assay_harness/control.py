"""The control object: what to run, from the worker."""

import json
import os

_scan = json.JSONDecoder().scan_once


class Control:
    """secret, program, suite, trusted_files, untrusted_files, stop_on_first_failure, coverage, fast."""

    __slots__ = (
        "secret",
        "program",
        "suite",
        "trusted_files",
        "untrusted_files",
        "stop_on_first_failure",
        "coverage",
        "fast",
    )

    def __init__(self, values):
        self.secret = str(values["secret"])
        self.program = str(values["program"])
        self.suite = str(values["suite"])
        self.trusted_files = [str(path) for path in values.get("trusted_files", [])]
        self.untrusted_files = [str(path) for path in values.get("untrusted_files", [])]
        self.stop_on_first_failure = bool(values.get("stop_on_first_failure", False))
        self.coverage = bool(values.get("coverage", False))
        self.fast = bool(values.get("fast", False))


def read(descriptor):
    """Reads the object to its end and closes the descriptor, so that the program finds nothing there."""
    parts = []
    while True:
        part = os.read(descriptor, 65536)
        if not part:
            break
        parts.append(part)
    os.close(descriptor)
    return Control(_scan(b"".join(parts).decode(), 0)[0])

"""The rehearsal (rehearsal.py) of the fast path."""

import copy

from . import fast_path, rehearsal, snapshot

ROUNDS, KEPT_FROM = 12, 4  # an interpreter adapts to what it has run some times
SUITE = "test_sample.py"


def rehearse(prepared):
    """prepared: fast_path.Prepared. Raises ValueError when the sample does not pass."""

    def one(request, reporter, of_files, suite):
        own = copy.copy(prepared)
        own.base = snapshot.Snapshot((), interpreter=prepared.interpreter)
        own.install_audit = rehearsal.ask_hook
        run = fast_path.begin(request, reporter, of_files, own, suite)
        return run is not None and run.run() == 0

    rehearsal.run(SUITE, True, ROUNDS, KEPT_FROM, one)

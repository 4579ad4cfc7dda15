"""The rehearsal (rehearsal.py) of a run under pytest, with a configuration and a session of its own, of which nothing stays."""

from _pytest import main as pytest_main

from . import rehearsal, snapshot, task
from .prepared import Prepared

ROUNDS, KEPT_FROM = 2, 2
SUITE = "test_sample_session.py"


def rehearse(interpreter):
    """interpreter: interpreter.Interpreter. Raises ValueError when the sample does not pass."""

    def one(request, reporter, of_files, suite):
        own = Prepared(of_files.workspace, of_files.suite, [], interpreter)
        own.snapshot = snapshot.Snapshot((), interpreter=interpreter)
        own.install_audit = rehearsal.ask_hook
        own.configure(with_conftest=False, stop_on_first_failure=False)
        run = None

        def tests(config, session):
            nonlocal run
            run = task.begin(request, reporter, of_files, suite, [], own)
            return pytest_main._main(config, session) if run is not None else task.EXIT_UNUSABLE

        return task.judge(lambda: int(pytest_main.wrap_session(own.config, tests)), lambda: run) == 0

    rehearsal.run(SUITE, False, ROUNDS, KEPT_FROM, one)

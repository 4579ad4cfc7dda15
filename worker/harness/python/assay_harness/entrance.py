"""How a process of a task begins and ends, started cold (run_suite.py) or forked (warm.py)."""

from . import control, own_memory, report, task


def enter():
    """(request, reporter): from here on nothing of the process shows the secret."""
    own_memory.hide()
    request = control.read(4)
    reporter = report.Reporter(3, request.secret)
    request.secret = None
    return request, reporter


def leave(exit_code):
    """Not sys.exit: threads that the program left would keep the process, and its exit handlers have nothing more to
    say."""
    task.flush_output()
    task.exit_now(exit_code)

"""What the standard library does in a forked process and what a server with one thread needs not: new locks in place of those that
another thread may have held. It walks over all threads and log handlers, which in a process of another's memory is dear."""

import gc
import logging
import threading


class Spared:
    """Of a server, right before it forks; restore() in the fork, whose own forks need them. Nothing where this Python has them otherwise."""

    def __init__(self):
        needless = (getattr(threading, "_after_fork", None), getattr(logging, "_after_at_fork_child_reinit_locks", None))
        # The interpreter's list, which nobody but the collector shows.
        found = [one for one in gc.get_referrers(threading._after_fork) if type(one) is list] if None not in needless else []
        alone = threading.active_count() == 1 and len(threading._dangling) == 1
        self._hooks, self._all = (found[0], list(found[0])) if len(found) == 1 and alone else ([], [])
        self._hooks[:] = [hook for hook in self._all if not any(hook is one for one in needless)]

    def restore(self):
        if self._all:
            self._hooks[:] = self._all
            logging._lock._at_fork_reinit()  # it was taken for the fork

"""Waiting for a condition with a deadline, never for a fixed time."""
import time


def wait_until(condition, seconds=30, what=None, every=0.05):
    """Calls condition() until it returns something true, and returns that. What it raises counts as "not yet", and is shown
    when the time is over; only an AssertionError ends the waiting at once: then it can no longer come true."""
    deadline = time.monotonic() + seconds
    while True:
        problem = None
        try:
            value = condition()
            if value:
                return value
        except AssertionError:
            raise
        except Exception as error:  # pylint: disable=broad-except
            problem = error
        if time.monotonic() >= deadline:
            name = what or getattr(condition, "__name__", "a condition")
            raise AssertionError(f"gave up waiting for {name} after {seconds} s (last: {value if problem is None else problem!r})")
        time.sleep(every)

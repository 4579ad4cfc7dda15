"""Free ports of 127.0.0.1 for what a test starts: no other test, nor any compose/local beside it, gets the same."""
import collections
import sys

from lib.servers import ROOT

sys.path.insert(0, str(ROOT / "compose/lib"))

from ports import Claims, claims_folder, process_start  # noqa: E402,F401  pylint: disable=wrong-import-position,import-self,unused-import

# So many stay claimed; what had the oldest has ended by then.
KEPT = 256
_taken = collections.deque()


def free_port():
    claims = Claims(claims_folder())
    if len(_taken) == KEPT:
        claims.release(_taken.popleft())
    _taken.append(claims.choose_for_process())
    return _taken[-1]

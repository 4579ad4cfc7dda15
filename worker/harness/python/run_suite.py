"""Runs one Python suite under pytest and reports each test (docs/harness.md).

Order of things, which is the point: pytest is loaded (perhaps before there is a task), the control object is read
and closed, the suite is parsed for the tests that must report, pytest is prepared, the suite is rewritten and
compiled, what will be compared afterwards is noted; only then is the suite imported, and the program by it.

Started in the workspace. Further arguments are the operator's, for pytest.
"""

import os
import sys

# Our folder must be in sys.path for this import and never again: the program's modules are found in the
# workspace, and the harness is no library for them.
_own_folder = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [_own_folder] + [folder for folder in sys.path if folder != _own_folder]
from assay_harness import entrance, task  # noqa: E402

sys.path.remove(_own_folder)


def main():
    task.load()
    request, reporter = entrance.enter()
    entrance.leave(task.run(request, reporter, os.getcwd(), sys.argv[1:]))


if __name__ == "__main__":
    main()

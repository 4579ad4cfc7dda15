"""The warm server of a Python runtime: warm_server.py SUITE [PYTEST ARGUMENT ...] [--preload=MODULE ...]

Started by the worker alone (worker/sandbox/warm.h). SUITE is the name of the suite's file.
"""

import os
import sys

# As in run_suite.py: our folder is no library for programs.
_own_folder = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [_own_folder] + [folder for folder in sys.path if folder != _own_folder]
from assay_harness import warm  # noqa: E402

sys.path.remove(_own_folder)


def main():
    suite, *arguments = sys.argv[1:]
    preloads = [text[len("--preload=") :] for text in arguments if text.startswith("--preload=")]
    pytest_arguments = [text for text in arguments if not text.startswith("--preload=")]
    warm.Server(suite, pytest_arguments, preloads).run()


if __name__ == "__main__":
    main()

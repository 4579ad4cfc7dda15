"""The suite as a module: rewritten and compiled before the program is loaded, and imported from that code.

pytest imports a test file by name; the finder here answers for that one name, so that what runs is what was
compiled, whatever the program does to files or import hooks in between.
"""

import importlib.util
import os
import sys

from _pytest.assertion import rewrite


class ProgramExit(ImportError):
    """What pytest sees of a SystemExit or KeyboardInterrupt that came out of the suite's import."""


class SuiteModule:
    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.code = None
        self.error = None  # the exception that ended the import

    def compile(self, config):
        """SyntaxError and the like when the suite does not compile."""
        from pathlib import Path

        _, self.code = rewrite._rewrite_test(Path(self.path), config)

    def install(self):
        sys.meta_path.insert(0, self)

    # importlib's finder and loader.

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        try:
            exec(self.code, module.__dict__)
        except (SystemExit, KeyboardInterrupt) as error:
            self.error = error
            raise ProgramExit("%s while the suite was imported" % type(error).__name__) from error
        except BaseException as error:
            self.error = error
            raise

    def code_at(self, defined_at, first_line):
        """The code object of the function that the suite defines there, or None."""
        found = [self.code]
        for depth, name in enumerate(defined_at):
            found = [
                constant
                for code in found
                for constant in code.co_consts
                if isinstance(constant, type(self.code)) and constant.co_name == name
            ]
        for code in found:
            if code.co_firstlineno == first_line:
                return code
        return None

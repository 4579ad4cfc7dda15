"""Whose file is it: the suite's side (trusted), the program's, or the machine's."""

import os

# A program may put others in their place for a while.
from builtins import len, set, sorted
from os.path import isabs, normpath

TRUSTED, PROGRAM, OUTSIDE = "trusted", "program", "outside"
# Where a program can write, beside the workspace; the machine's own files lie elsewhere.
WRITABLE = ("/tmp/", "/var/tmp/", "/dev/", "/proc/", "/run/")
ANSWERS_MAX = 4096  # that Files.owner keeps


def _make_keeping(find):
    """Files.owner(file name): TRUSTED, PROGRAM or OUTSIDE. Asked for each frame of a stack, so the answers are kept."""
    known = {}

    def owner(filename):
        answer = known.get(filename)
        if answer is None:
            answer = find(filename)
            if len(known) < ANSWERS_MAX:
                known[filename] = answer
        return answer

    return owner


class Files:
    def __init__(self, workspace, request):
        self.workspace = workspace
        self.suite = os.path.join(workspace, request.suite)
        self.program = os.path.join(workspace, request.program)
        self.trusted = {os.path.join(workspace, path) for path in request.trusted_files}
        self.trusted.add(self.suite)
        self.untrusted = [os.path.join(workspace, path) for path in request.untrusted_files]
        if self.program not in self.untrusted:
            self.untrusted.insert(0, self.program)
        self._prefix = workspace.rstrip("/") + "/"
        self.owner = _make_keeping(self._owner)

    def _owner(self, filename):
        """A file that appears in the workspace while the program runs is the program's."""
        if not isabs(filename):
            return OUTSIDE
        filename = normpath(filename)
        if filename in self.trusted:
            return TRUSTED
        return PROGRAM if filename.startswith((self._prefix,) + WRITABLE) else OUTSIDE

    def relative(self, filename):
        return filename[len(self._prefix) :] if filename.startswith(self._prefix) else filename

    def program_modules(self):
        """Top-level names by which the program's files can be imported."""
        names = set()
        for path in self.untrusted:
            first = self.relative(path).split("/")[0]
            names.add(first.split(".")[0])
        for path in self.trusted:
            names.discard(self.relative(path).split("/")[0].split(".")[0])
        return names

    def trusted_modules(self):
        return {self.relative(path).split("/")[0].split(".")[0] for path in self.trusted}

    def python_files(self):
        """The program's existing Python files, for coverage."""
        return [path for path in self.untrusted if path.endswith(".py") and os.path.isfile(path)]

    def shadowing(self):
        """A file of the program that Python would import in place of a trusted one: (its path, the trusted
        one's), or None. A package wins over a module, a compiled extension over a source, and a byte code file
        may say that its source need not be looked at."""
        for trusted in sorted(self.trusted):
            if not trusted.endswith(".py"):
                continue
            module = trusted[:-3]
            folder, stem = os.path.split(module)
            prefixes = (module + "/__init__.", folder + "/__pycache__/" + stem + ".")
            for path in self.untrusted:
                compiled = path.startswith(module + ".") and path.endswith((".so", ".pyc"))
                if compiled or path.startswith(prefixes):
                    return self.relative(path), self.relative(trusted)
        return None

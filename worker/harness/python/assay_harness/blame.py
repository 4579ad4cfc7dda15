"""Whose fault an exception is, and where it came from."""

import ast
import builtins
import traceback

# A program may put others in their place for a while.
from builtins import any, getattr, hasattr, isinstance, len, min, reversed, set, str, type

from .files import OUTSIDE, PROGRAM, TRUSTED

TEXT_MAX = 3000


def frames(error):
    """(file name, line) of each frame, outermost first."""
    found = []
    step = error.__traceback__
    while step is not None:
        found.append((step.tb_frame.f_code.co_filename, step.tb_lineno))
        step = step.tb_next
    return found


def _chain(error):
    seen = []
    while error is not None and error not in seen and len(seen) < 20:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return seen


def raised_by(error, files):
    """TRUSTED, PROGRAM, or OUTSIDE when no file of the workspace was on the way: whose code made the call that raised."""
    for link in _chain(error):
        for filename, _ in reversed(frames(link)):
            owner = files.owner(filename)
            if owner != OUTSIDE:
                return owner
    return OUTSIDE


def _belongs_to(name, modules):
    return isinstance(name, str) and name.split(".")[0] in modules


def _missing_from_program(error, files):
    """A module of the program, or a name in it, that is not there or does not parse."""
    modules = files.program_modules()
    if isinstance(error, ImportError):
        return _belongs_to(error.name, modules)
    if isinstance(error, SyntaxError):
        return files.owner(error.filename or "") == PROGRAM
    if isinstance(error, AttributeError):
        owner = getattr(error, "obj", None)  # Python 3.10 and later
        name = getattr(owner, "__module__", None) or getattr(owner, "__name__", None)
        return _belongs_to(name, modules)
    return False


class _Imports(ast.NodeVisitor):
    """What the suite takes from the program, and what it binds itself."""

    def __init__(self, modules):
        self.modules = modules
        self.names = set()
        self.star = False
        self.own = set()

    def visit_ImportFrom(self, node):
        of_program = node.level > 0 or _belongs_to(node.module, self.modules)
        for alias in node.names:
            if alias.name == "*":
                self.star = self.star or of_program
            else:
                (self.names if of_program else self.own).add(alias.asname or alias.name)

    def visit_Import(self, node):
        for alias in node.names:
            bound = alias.asname or alias.name.split(".")[0]
            (self.names if _belongs_to(alias.name, self.modules) else self.own).add(bound)

    def visit_FunctionDef(self, node):
        self.own.add(node.name)
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def visit_arg(self, node):
        self.own.add(node.arg)

    def visit_Name(self, node):
        if not isinstance(node.ctx, ast.Load):
            self.own.add(node.id)


def _first_line(statement):
    return min([statement.lineno] + [decorator.lineno for decorator in getattr(statement, "decorator_list", [])])


def _statement_at(tree, line):
    """The innermost statement on that line; a decorator belongs to what it decorates."""
    found = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and _first_line(node) <= line <= (node.end_lineno or node.lineno):
            if found is None or _first_line(node) >= _first_line(found):
                found = node
    return found


def _evaluated(statement):
    """What of a statement runs when it is reached."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return statement.decorator_list + statement.args.defaults + [d for d in statement.args.kw_defaults if d]
    if isinstance(statement, ast.ClassDef):
        return statement.decorator_list + statement.bases
    return [statement]


def _uses_program(tree, lines, modules):
    """True when a failing statement of the suite mentions something that it took from the program."""
    imports = _Imports(modules)
    imports.visit(tree)
    for line in lines:
        statement = _statement_at(tree, line)
        if statement is None:
            continue
        importing = _Imports(modules)
        importing.visit(statement)
        if isinstance(statement, (ast.Import, ast.ImportFrom)) and (importing.names or importing.star):
            return True
        used = {
            node.id
            for part in _evaluated(statement)
            for node in ast.walk(part)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        if used & imports.names:
            return True
        if imports.star and any(name not in imports.own and not hasattr(builtins, name) for name in used):
            return True
    return False


def fault(error, files, tree):
    """"program" or "suite": for an exception that ended the import of the suite."""
    for link in _chain(error):
        if _missing_from_program(link, files):
            return "program"
        lines = []
        for filename, line in frames(link):
            owner = files.owner(filename)
            if owner == PROGRAM:
                return "program"
            if filename == files.suite:
                lines.append(line)
        if not isinstance(link, ImportError) and _uses_program(tree, lines, files.program_modules()):
            return "program"
    return "suite"


def text(error, files):
    """The exception with the frames that lie in the workspace, as Python prints it."""
    try:
        formatted = traceback.TracebackException(type(error), error, error.__traceback__)
        formatted.stack = traceback.StackSummary.from_list(
            [frame for frame in formatted.stack if files.owner(frame.filename) in (TRUSTED, PROGRAM)][-20:]
        )
        whole = "".join(formatted.format(chain=False))
    except Exception:  # a __str__ of the program that raises
        whole = type(error).__name__
    if len(whole) > TEXT_MAX:
        whole = whole[: TEXT_MAX // 3] + "\n...\n" + whole[-2 * TEXT_MAX // 3 :]
    return whole.strip()

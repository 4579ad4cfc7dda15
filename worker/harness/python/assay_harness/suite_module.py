"""The suite as a module: rewritten and compiled before the program is loaded, and imported from that code.

pytest imports a test file by name; the finder here answers for that one name, so that what runs is what was
compiled, whatever the program does to files or import hooks in between.
"""

import ast
import builtins
import importlib
import importlib.util
import os
import sys
import types

from _pytest.assertion import rewrite

from . import own_names
from .facts import MEANINGFUL
from .files import PROGRAM
from .snapshot import Kept

# What the suite's comparisons are compiled to; no names that a program can write by accident.
COMPARISONS = {ast.Eq: "@assay_equal", ast.NotEq: "@assay_unequal", ast.In: "@assay_in"}
WITH_SIDE_EFFECTS = {"this", "antigravity", "__main__", "idlelib", "test", "turtle", "turtledemo"}


def import_library(names, trusted_modules):
    """The standard library's modules that the suite names, before a file of the program can stand in for them."""
    library = getattr(sys, "stdlib_module_names", sys.builtin_module_names)
    for name in sorted(names):
        top = name.split(".")[0]
        if top in library and top not in WITH_SIDE_EFFECTS and top not in trusted_modules:
            parent = sys.modules.get(name.rpartition(".")[0])
            if name in sys.modules or parent is not None and not hasattr(parent, "__path__"):
                continue
            try:
                importlib.import_module(name)
            except Exception:  # a name in a module, or a module that this machine has not: the suite's own import tells
                pass


def own_builtins():
    """Builtins for the suite alone, as they are now, and what they must stay: what the program puts in the place of one, for however
    short a time, is none of the suite's."""
    return Kept("builtins", dict(vars(builtins)), dict(vars(builtins)))


class ProgramExit(ImportError):
    """What pytest sees of a SystemExit or KeyboardInterrupt that came out of the suite's import."""


class _Tested(ast.NodeVisitor):
    """Marks the comparisons of which only the truth counts. Before pytest rewrites the asserts: the operator is what it keeps of a
    comparison."""

    def visit(self, node):
        if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
            self.mark(node.test)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.mark(node.operand)
        elif isinstance(node, ast.comprehension):
            for condition in node.ifs:
                self.mark(condition)
        self.generic_visit(node)

    def mark(self, node):
        if isinstance(node, ast.BoolOp):
            for value in node.values:
                self.mark(value)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            node.ops = [type(node.ops[0])()]  # the parser gives all comparisons the same object
            node.ops[0].assay_tested = True


class _Comparing(ast.NodeTransformer):
    """`a == b` becomes @assay_equal(a, b), or @assay_equal(a, b, True) where only the truth of it counts."""

    def visit_Compare(self, node):
        self.generic_visit(node)
        name = COMPARISONS.get(type(node.ops[0]))
        if len(node.ops) != 1 or name is None:
            return node
        tested = [ast.copy_location(ast.Constant(True), node)] if hasattr(node.ops[0], "assay_tested") else []
        called = ast.copy_location(ast.Name(name, ast.Load()), node)
        return ast.copy_location(ast.Call(called, [node.left, node.comparators[0]] + tested, []), node)


def compile_comparing(tree, path, rewrite_asserts=lambda: None):
    """With the comparisons as calls; the tree is used up."""
    _Tested().visit(tree)
    rewrite_asserts()
    return compile(_Comparing().visit(tree), path, "exec", dont_inherit=True)


def compile_comparing_in_place(tree, nodes, path):
    """The same without rewriting and without a walk: the nodes are known, and become what they are compiled to."""
    marks = _Tested()
    for node in nodes.of(ast.If, ast.While, ast.IfExp, ast.Assert):
        marks.mark(node.test)
    for node in nodes.of(ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            marks.mark(node.operand)
    for node in nodes.of(ast.comprehension):
        for condition in node.ifs:
            marks.mark(condition)
    for node in nodes.of(ast.Compare):
        name = COMPARISONS.get(type(node.ops[0]))
        if len(node.ops) == 1 and name is not None:
            tested = [ast.copy_location(ast.Constant(True), node)] if hasattr(node.ops[0], "assay_tested") else []
            func, args = ast.copy_location(ast.Name(name, ast.Load()), node), [node.left, node.comparators[0]] + tested
            node.__class__ = ast.Call
            node.func, node.args, node.keywords = func, args, []
    return compile(tree, path, "exec", dont_inherit=True)


def compile_text(source, path, program_modules, config):
    """As pytest does it, but for comparisons. SyntaxError and the like when the suite does not compile."""
    tree = ast.parse(source, path)
    own_names.keep(tree, program_modules)
    return compile_comparing(tree, path, lambda: rewrite.rewrite_asserts(tree, source, path, config))


class _Loader:
    """importlib's finder and loader. The module keeps it where the program finds it, so it holds functions alone."""

    __slots__ = ("find_spec", "create_module", "exec_module")


class SuiteModule:
    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.code = None
        self.error = None  # the exception that ended the import
        self.comparisons = {}  # equality.make_comparisons
        self.builtins = None  # own_builtins(), or None where the suite speaks of them, as to replace one itself: those of all
        self.imported = None  # called with the module when it has been imported
        self._code_at = {}

    def install(self):
        loader = _Loader()
        loader.find_spec, loader.create_module = self._finding(loader), lambda spec: None
        loader.exec_module = lambda module: self._execute(module, loader)
        sys.meta_path.insert(0, loader)

    def _finding(self, loader):
        name, path, spec_of = self.name, self.path, importlib.util.spec_from_file_location

        def find_spec(fullname, search=None, target=None):
            return spec_of(fullname, path, loader=loader) if fullname == name else None

        return find_spec

    def _execute(self, module, loader):
        if loader in sys.meta_path:
            sys.meta_path.remove(loader)
        module.__dict__.update(self.comparisons)
        if self.builtins is not None:
            module.__dict__["__builtins__"] = self.builtins.namespace
        try:
            exec(self.code, module.__dict__)
        except (SystemExit, KeyboardInterrupt) as error:
            self.error = error
            raise ProgramExit("%s while the suite was imported" % type(error).__name__) from error
        except BaseException as error:
            self.error = error
            raise
        self.imported(module)

    def code_at(self, defined_at, first_line):
        """The code object of the function that the suite defines there, or None."""
        place = (*defined_at, first_line)
        if place not in self._code_at:
            self._code_at[place] = _code_at(self.code, defined_at, first_line)
        return self._code_at[place]


def _code_at(code, defined_at, first_line):
    found = [code]
    for name in defined_at:
        found = [inner for outer in found for inner in outer.co_consts if isinstance(inner, types.CodeType) and inner.co_name == name]
    return next((code for code in found if code.co_firstlineno == first_line), None)


def drop_the_programs(module, plan, files):
    """Takes out what a star import of the program brought and pytest would obey: marks, set-ups, fixtures that apply
    by themselves."""
    for program in [sys.modules[name] for name in files.program_modules() if name in sys.modules]:
        for name in MEANINGFUL:
            brought = name in module.__dict__ and name in vars(program) and vars(program)[name] is module.__dict__[name]
            if brought and name not in plan.facts.mentioned:
                del module.__dict__[name]
    for name, value in list(module.__dict__.items()):
        marker = getattr(value, "_pytestfixturefunction", None) or getattr(value, "_fixture_function_marker", None)
        if marker is not None and getattr(marker, "autouse", False) is True and _maker(value, files) == PROGRAM:
            del module.__dict__[name]


def _maker(fixture, files):
    function = getattr(fixture, "__pytest_wrapped__", None)
    function = function.obj if function is not None else getattr(fixture, "_fixture_function", fixture)
    code = getattr(function, "__code__", None)
    return files.owner(code.co_filename) if code is not None else PROGRAM

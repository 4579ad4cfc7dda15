"""A star import of the program takes no name from the suite that the suite has given to a function of its own, or to what it imported
from elsewhere: else `from implementation import *` could bring a `raises` or a `math` of the program's."""

import ast

from .plan import FUNCTIONS

_KEPT = "@assay_own"


def keep(tree, program_modules):
    """Puts what keeps them around the star imports of the module's own level."""
    if not any(_is_star(statement, program_modules) for statement in tree.body):
        return
    unbound = _unbound(tree)
    own, body = {}, []
    for statement in tree.body:
        star = _is_star(statement, program_modules)
        names = [name for name in own if name not in unbound]
        if star and names:
            body += [_assign(_name(_KEPT, ast.Store()), _names(names, ast.Load()), statement), statement,
                     _assign(_names(names, ast.Store()), _name(_KEPT, ast.Load()), statement)]
        else:
            body.append(statement)
        for name, is_own in _bound(statement, program_modules):
            if is_own:
                own[name] = True
            else:
                own.pop(name, None)
    tree.body = body


def _of_program(module, program_modules):
    return (module or "").split(".")[0] in program_modules


def _is_star(statement, program_modules):
    return (isinstance(statement, ast.ImportFrom) and any(alias.name == "*" for alias in statement.names)
            and (statement.level > 0 or _of_program(statement.module, program_modules)))


def _bound(statement, program_modules):
    """(name, whether it is the suite's own) of what is bound there for certain."""
    if isinstance(statement, FUNCTIONS):
        return [(statement.name, True)]
    if isinstance(statement, ast.ImportFrom):
        is_own = statement.level == 0 and not _of_program(statement.module, program_modules)
        return [(alias.asname or alias.name, is_own) for alias in statement.names if alias.name != "*" and statement.module != "__future__"]
    if isinstance(statement, ast.Import):
        return [(alias.asname or alias.name.split(".")[0], not _of_program(alias.name, program_modules)) for alias in statement.names]
    return []


def _unbound(tree):
    """Names that may be without a value again."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del)}
    return found | {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name}


def _name(name, context):
    return ast.Name(name, context)


def _names(names, context):
    return ast.Tuple([_name(name, type(context)()) for name in names], context)


def _assign(target, value, at):
    made = ast.Assign([target], value)
    for node in ast.walk(made):
        if isinstance(node, (ast.expr, ast.stmt)):
            ast.copy_location(node, at)
    return made

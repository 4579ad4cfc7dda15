"""Modules of the interpreter can be made once more: what the harness has put into them stands in the new ones as well."""

import _imp
import _signal

# A program may put others in their place for a while.
from builtins import all, setattr, vars


def see():
    """Once for the process, when everything has been put there."""
    create = _imp.create_builtin
    put = [{name: vars(_signal)[name] for name in ("signal", "getsignal")}]

    def create_builtin(spec, /):
        """What the module calls itself is its spec's to say, so it is known by what it holds."""
        made = create(spec)
        held = vars(made) if made is not None else {}
        for functions in put:
            if all(name in held for name in functions):
                for name, function in functions.items():
                    setattr(made, name, function)
        return made

    put.append({"_fix_co_filename": _imp._fix_co_filename, "create_builtin": create_builtin})
    _imp.create_builtin = create_builtin

"""pytest's import hook asks of every module whether its assertions are to be rewritten, by paths and patterns. Most names say already
that they are not."""

import os

PATTERNS = ["test_*.py", "*_test.py"]  # the hook's own, which know no folders


def spare(hook, suite_path):
    """Lets the hook know these names at once. Nothing where this version of pytest has it otherwise."""
    bails_out = getattr(hook, "_early_rewrite_bailout", None)
    if bails_out is None or list(getattr(hook, "fnpats", ())) != PATTERNS:
        return
    known = hook._basenames_to_check_rewrite | {"conftest", os.path.splitext(os.path.basename(suite_path))[0]}
    marked = hook._must_rewrite

    def bails_out_at_once(name, state):
        last = name.rpartition(".")[2]
        may_be_rewritten = (last.startswith("test_") or last.endswith("_test") or last in known or not last.isidentifier()
                            or any(name.startswith(one) for one in marked))
        return bails_out(name, state) if may_be_rewritten else True

    hook._early_rewrite_bailout = bails_out_at_once

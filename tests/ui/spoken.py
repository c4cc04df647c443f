"""What the packages below the pages can say: every sentence that a refusal, progress or a warning holds in the code."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Iterator
from pathlib import Path

from icssn import errors

PACKAGE = Path(errors.__file__).parent
HOLE = "⟨7⟩"  # stands for what is known only when it happens
LEAVES = {
    name: leaf
    for name, leaf in vars(errors).items()
    if inspect.isclass(leaf) and issubclass(leaf, errors.IcssnError) and leaf is not errors.IcssnError
}
_TOLD_TOO = {"Progress", "LabelWarning", "refusal", "require", "stoppable"}  # what they are given is told as well
_DEEPEST = 6


def spoken() -> dict[str, str]:
    """Give each text that a refusal or a message is made of, with the place in the code; the command line's are not.

    Followed are literals, what f-strings, sums and either-ors put together, and names and lists that are filled in the
    same module; a call, an attribute or a parameter is a `HOLE`.
    """
    modules = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    tellers = {*LEAVES, *_TOLD_TOO, *(name for tree in modules.values() for name in _makers(tree))}
    found: dict[str, str] = {}
    for path, tree in modules.items():
        if path.parent.name == "cli":
            continue
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if getattr(call.func, "id", getattr(call.func, "attr", "")) in tellers:
                for given in (*call.args, *(keyword.value for keyword in call.keywords)):
                    for text in _texts(given, tree):
                        found.setdefault(text, f"{path.relative_to(PACKAGE)}:{call.lineno}")
    return found


def _makers(tree: ast.Module) -> Iterator[str]:
    """Give the names of the functions that make a refusal out of what they are given."""
    for node in ast.walk(tree):
        gives = ast.walk(node.returns) if isinstance(node, ast.FunctionDef) and node.returns else ()
        if any(getattr(part, "id", "") in LEAVES for part in gives):
            yield node.name


def _texts(node: ast.expr, tree: ast.Module, depth: int = 0) -> list[str]:
    def inner(part: ast.expr) -> list[str]:
        return _texts(part, tree, depth + 1)

    one_of: list[ast.expr] = []
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            pieces = [inner(part.value if isinstance(part, ast.FormattedValue) else part) for part in parts]
            return ["".join(chosen) for chosen in itertools.product(*pieces)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [first + last for first in inner(left) for last in inner(right)]
        case ast.IfExp(body=body, orelse=other):
            one_of = [body, other]
        case ast.BoolOp(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            one_of = parts
        case ast.Name(id=name) if depth < _DEEPEST:
            one_of = list(_given(tree, name))
    return [text for part in one_of for text in inner(part)] or [HOLE]


def _given(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    """Give what a name is set to anywhere in a module, and what is added to it where it is a list."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                yield value
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                yield from (v for t, v in zip(targets, values, strict=True) if getattr(t, "id", "") == name)
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                yield value
            case ast.Call(func=ast.Attribute(value=ast.Name(id=target), attr="append"), args=[value]) if target == name:
                yield value

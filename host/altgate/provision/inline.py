"""The firmware's numbers written in where they are used.

MicroPython keeps every module's names in RAM for as long as it runs. A number that has a name there costs an
entry in a dict and in the table of strings; the door has over two hundred. So what is put on a board has the
values themselves, as ``micropython.const`` does within one module.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

Sources = Mapping[str, str]  # dotted name of a module: its text
Cut = tuple[ast.stmt | ast.expr, str]  # what to replace, and by what
Span = tuple[int, int, int, int]  # first line, byte in it, last line, byte in it; lines from 1 on


def inlined(sources: Sources) -> dict[str, str]:
    """The same modules without the numbers that they give a name at their top, each line where it was.

    A name counts as a number's where it is bound once in its module, and to an int. Raises SyntaxError for
    what is not Python, ValueError for an import by which a number could be had unseen.
    """
    trees = {name: ast.parse(text) for name, text in sources.items()}
    numbers = {name: _numbers(tree) for name, tree in trees.items()}
    return {name: _with(text, _cuts(trees[name], name, numbers)) for name, text in sources.items()}


def _numbers(tree: ast.Module) -> dict[str, int]:
    """Names at the top of a module that are bound once, and to a number that it works out by itself."""
    found: dict[str, int] = {}
    bound = _bindings(tree)
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], _value(statement.value, found)
            if isinstance(target, ast.Name) and value is not None and bound[target.id] == 1:
                found[target.id] = value
    return found


def _bindings(tree: ast.Module) -> Counter[str]:
    """How often each name is bound in a module, but for imports and for methods, which are no plain names."""
    names = Counter[str]()
    methods = [one for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for one in node.body]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names[node.id] += 1
        elif isinstance(node, ast.arg):
            names[node.arg] += 1
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node in methods:
            continue
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler):
            names[node.name or ""] += 1
        elif isinstance(node, ast.Global):
            # Bound from within a function, at another time.
            names.update(node.names * 2)
    return names


def _value(node: ast.expr, known: Mapping[str, int]) -> int | None:
    """The number that an expression of numbers and known names is; None where it is anything else."""
    for part in ast.walk(node):
        is_plain = isinstance(part, ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop | ast.expr_context)
        is_number = isinstance(part, ast.Constant) and type(part.value) is int
        if not (is_plain or is_number or isinstance(part, ast.Name) and part.id in known):
            return None
    value = eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}}, dict(known))  # noqa: S307
    return value if type(value) is int else None


def _cuts(tree: ast.Module, module: str, numbers: Mapping[str, dict[str, int]]) -> list[Cut]:
    """What has to be replaced in a module, and by what."""
    imports = [one for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)]
    own, others = _imported(tree, module, imports, numbers)
    own |= numbers[module]
    cuts: list[Cut] = []
    loads, written = Counter[str](), Counter[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node in tree.body and node.targets[0].id in numbers[module]:
                cuts.append((node, "pass"))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            value = others.get(node.value.id, {}).get(node.attr)
            if value is not None:
                cuts.append((node, f"({value})"))
                written[node.value.id] += 1
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            loads[node.id] += 1
            if node.id in own:
                cuts.append((node, f"({own[node.id]})"))
    for statement in imports:
        # What a module was imported for may have been its numbers alone.
        kept = [
            one.name
            for one in statement.names
            if one.asname or one.name not in own and not 0 < loads[one.name] == written[one.name]
        ]
        if len(kept) < len(statement.names):
            origin = "." * statement.level + (statement.module or "")
            cuts.append((statement, f"from {origin} import {', '.join(kept)}" if kept else "pass"))
    return cuts


def _imported(
    tree: ast.Module, module: str, imports: Iterable[ast.ImportFrom], numbers: Mapping[str, dict[str, int]]
) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Numbers that a module imports by name, and the modules by which it has others; raises ValueError."""
    own: dict[str, int] = {}
    others: dict[str, dict[str, int]] = {}
    bound = _bindings(tree)
    for statement in imports:
        above = module.split(".")[: -statement.level] if statement.level else []
        origin = ".".join([*above, *([statement.module] if statement.module else [])])
        for alias in statement.names:
            given, whole = numbers.get(origin, {}), numbers.get(f"{origin}.{alias.name}", {})
            if (given or whole) and (alias.asname or alias.name == "*" or bound[alias.name]):
                raise ValueError(
                    f"line {statement.lineno}: {alias.name} has another name, or is one of another"
                )
            if alias.name in given:
                own[alias.name] = given[alias.name]
            elif whole:
                others[alias.name] = whole
    for node in ast.walk(tree):
        for alias in node.names if isinstance(node, ast.Import) else ():
            if numbers.get(alias.name):
                raise ValueError(f"{alias.name} is imported whole")
    return own, others


def _outermost(cuts: list[Cut]) -> Iterator[tuple[Span, str]]:
    """Places to cut, last first, without those that lie within another one."""
    spans = [((n.lineno, n.col_offset, n.end_lineno or 0, n.end_col_offset or 0), new) for n, new in cuts]
    spans.sort(key=lambda one: (one[0][:2], (-one[0][2], -one[0][3])))
    kept: list[tuple[Span, str]] = []
    for span, new in spans:
        if not kept or kept[-1][0][2:] <= span[:2]:
            kept.append((span, new))
    return reversed(kept)


def _with(text: str, cuts: list[Cut]) -> str:
    """The text with each span replaced; what stands behind stays in its line."""
    lines = text.encode().splitlines(keepends=True)
    for (first, start, last, end), new in _outermost(cuts):
        joined = lines[first - 1][:start] + new.encode() + b"\n" * (last - first) + lines[last - 1][end:]
        lines[first - 1 : last] = joined.splitlines(keepends=True)
    return b"".join(lines).decode()

"""Goal: a room imports only from the floors below it, the engine stays pure, no files import in a circle (design 2).

Read from the syntax tree, so an import inside a function counts too.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = {
    "rating": set[str](),
    "resources": {"rating"},
    "documents": {"rating"},
    "gateways": {"rating"},
    "assets": {"rating", "resources", "documents", "gateways"},
    "pipelines": {"rating", "resources", "documents", "gateways", "assets"},
}
# The engine knows no clock, disk, network or environment: of the standard library it gets what computes.
PURE = set(
    """
    abc bisect calendar collections contextlib copy dataclasses datetime decimal difflib enum fractions functools
    graphlib hashlib heapq itertools json math numbers operator re string textwrap types typing unicodedata zoneinfo
    polars pydantic pydantic_core pandera pint
    """.split()
)
IMPURE_CALLS = {"now", "utcnow", "today", "open", "print", "input", "exec", "eval", "__import__"}
IMPURE_PREFIXES = ("read_", "scan_", "write_", "sink_")  # how Polars reaches a disk


def imports(tree: ast.AST, files: set[str]) -> Iterator[str]:
    """Yield what is imported, as the name of one of `files` where it is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from (name if name in files else str(node.module) for name in names)


def impure_calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield name
            case ast.Call(func=ast.Attribute(attr=name)) if name in IMPURE_CALLS or name.startswith(IMPURE_PREFIXES):
                yield name


def complaints(root: Path) -> list[str]:
    paths = {
        path: path.relative_to(root).with_suffix("").parts for room in FLOORS for path in root.glob(f"{room}/**/*.py")
    }
    files = {".".join(parts).removesuffix(".__init__"): path for path, parts in paths.items()}
    graph, found = {}, []
    for name, path in sorted(files.items()):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        room, graph[name] = name.partition(".")[0], set(imports(tree, set(files))) - {name}
        tops = {imported.partition(".")[0] for imported in graph[name]}
        forbidden = tops & FLOORS.keys() - FLOORS[room] - {room}
        if room == "rating":
            forbidden |= tops - PURE - {room}
            found += [f"{name} calls {call}" for call in impure_calls(tree)]
        found += [f"{name} imports {top}" for top in sorted(forbidden)]
    try:
        TopologicalSorter({name: needs & graph.keys() for name, needs in graph.items()}).prepare()
    except CycleError as error:
        found.append("circle: " + " - ".join(error.args[1]))
    return found


def test_rooms() -> None:
    assert all(list((ROOT / room).glob("*.py")) for room in FLOORS), "a room is gone, or we look in the wrong place"
    assert complaints(ROOT) == []


BAD = {
    "a higher floor": ({"rating/a.py": "import resources.lake"}, ["rating.a imports resources"]),
    "a neighbour": ({"documents/a.py": "def f():\n  from gateways import b"}, ["documents.a imports gateways"]),
    "a disk": ({"rating/a.py": "from pathlib import Path"}, ["rating.a imports pathlib"]),
    "a library": ({"rating/a.py": "import duckdb"}, ["rating.a imports duckdb"]),
    "the clock": ({"rating/a.py": "import datetime as d\nd.datetime.now()"}, ["rating.a calls now"]),
    "a file": ({"rating/a.py": "open('x')"}, ["rating.a calls open"]),
    "a frame from disk": ({"rating/a.py": "import polars\npolars.read_csv('x')"}, ["rating.a calls read_csv"]),
    "a circle": (
        {"assets/a.py": "from assets import b", "assets/b.py": "import assets.a"},
        ["circle: assets.a - assets.b - assets.a"],
    ),
    "a circle through the package": (
        {"rating/__init__.py": "from rating.a import f", "rating/a.py": "from rating import g"},
        ["circle: rating - rating.a - rating"],
    ),
    "nothing": ({"assets/a.py": "import os\nfrom rating import b", "rating/b.py": "import polars"}, []),
}


@pytest.mark.parametrize(("tree", "expected"), BAD.values(), ids=BAD.keys())
def test_a_bad_tree_is_seen(tmp_path: Path, tree: dict[str, str], expected: list[str]) -> None:
    for name, text in tree.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert complaints(tmp_path) == expected

"""The house holds: imports point down only, and siblings on one floor never meet.

Type-only and local imports count too, so a floor can be read, tested and replaced alone.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "segtool"
FLOORS = {
    "__init__": 10,
    "__main__": 10,
    "cli": 9,
    "study": 8,
    "outputs": 7,
    "plots": 6,
    "targeting": 5,
    "measurement": 5,
    "personas": 4,
    "labels": 3,
    "community": 3,
    "sources": 2,
    "engines": 1,
    "errors": 0,
    "checks": 0,
    "display": 0,
    "notes": 0,
    "pooling": 0,
    "verdicts": 0,
}
# checks and display are allowed to use the error root that lies on the same floor
SAME_FLOOR_ALLOWED = {("checks", "errors"), ("display", "errors"), ("__main__", "__init__")}


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} uses a relative import; floors are read by name"
            if node.module == "segtool":
                rooms |= {name.name if name.name in FLOORS else "__init__" for name in node.names}
            elif node.module and node.module.startswith("segtool."):
                rooms.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            for name in node.names:
                if name.name == "segtool" or name.name.startswith("segtool."):
                    rooms.add([*name.name.split("."), "__init__"][1])
    return rooms


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    here = room_of(path)
    assert here in FLOORS, f"{here} has no floor in design: give it one"
    for room in imported_rooms(path) - {here}:
        down = FLOORS[room] < FLOORS[here] or (here, room) in SAME_FLOOR_ALLOWED
        assert down, f"{path.name} ({here}, floor {FLOORS[here]}) imports {room} (floor {FLOORS[room]})"


def test_no_import_cycles_inside_a_room():
    modules = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in FILES}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    graph = {name: _imported_modules(path, modules) - {name} for name, path in modules.items()}
    cycle = _find_cycle(graph)
    assert cycle is None, " -> ".join(cycle)


def _imported_modules(path: Path, modules: dict[str, Path]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                deeper = f"{node.module}.{name.name}"
                found.add(deeper if deeper in modules else node.module)
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found & modules.keys()


def _find_cycle(graph: dict[str, set[str]]) -> list[str] | None:
    state: dict[str, int] = {}

    def visit(node: str, trail: list[str]) -> list[str] | None:
        if state.get(node) == 2:
            return None
        if state.get(node) == 1:
            return [*trail[trail.index(node) :], node]
        state[node] = 1
        for target in sorted(graph[node]):
            if cycle := visit(target, [*trail, node]):
                return cycle
        state[node] = 2
        return None

    for start in sorted(graph):
        if cycle := visit(start, []):
            return cycle
    return None


def test_nothing_unsafe_is_used():
    """No pickle, no eval, no unsafe loader anywhere in the package."""
    words = ("import pickle", "joblib.load", "allow_pickle=True", "yaml.load(", "except Exception: pass")
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in words if word in text], path
        calls = [
            node.func.id
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
        assert not {"eval", "exec"} & set(calls), path

"""Style that a program can keep: sizes, names, and what no file may contain.

RATCHET lists what is over a budget today. It may only shrink: an entry that is larger than what the
file now needs fails too, so it must be lowered with the change that made it smaller.
"""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = ("src", "tests", "bench", "tools")
CONTRACTS = ("contracts/src", "contracts/test", "contracts/script")
LINES_OF_FILE, LINES_OF_FUNCTION, COLUMNS, PARAMETERS, PARAMETERS_KERNEL = 400, 60, 100, 6, 10

# (budget, where) -> the number allowed there
RATCHET = {
    ("parameters", "src/excraft/messages/commands.py:pack_place"): 11,  # a row has so many columns
    ("parameters", "bench/flow_of_orders.py:fill"): 10,  # compiled
}

BANNED_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}
# Written in two halves so that this file passes its own test.
BANNED_TEXT = {
    "TO" + "DO": "an open end belongs in docs/known-limits.md",
    "FIX" + "ME": "an open end belongs in docs/known-limits.md",
    "find-" + "links": "no file names a download address",
    "index-" + "url": "no file names a download address",
    "/opt/" + "wheels": "no file names a path of one machine",
    "/ro" + "ot/": "no file names a path of one machine",
    "/wo" + "rk/": "no file names a path of one machine",
}
# These two say how the lock is made: with the options that keep addresses out of it.
MAY_NAME_OPTIONS = {"Makefile", "tests/test_tidy.py"}
SKIPPED = re.compile(r"mark\.(skip|skipif|xfail)|pytest\.(skip|xfail)\(|importor" + "skip")
OUTSIDE_MIRROR = {"stories", "golden", "simulation", "peers", "crash", "conformance", "bench"}


def own(folder: Path, pattern: str = "*") -> list[Path]:
    return sorted(
        p
        for p in folder.rglob(pattern)
        if p.is_file() and not {".venv", "__pycache__"} & set(p.relative_to(ROOT).parts)
        and ".egg-info" not in str(p)
    )  # fmt: skip


def python_files() -> list[Path]:
    return [p for folder in CODE if (ROOT / folder).is_dir() for p in own(ROOT / folder, "*.py")]


def text_files() -> list[Path]:
    top = [p for p in ROOT.iterdir() if p.is_file() and p.name != ".git"]
    deep = [
        p for f in (*CODE, *CONTRACTS, "docs", ".ci") if (ROOT / f).is_dir() for p in own(ROOT / f)
    ]
    return [p for p in top + deep if b"\0" not in p.read_bytes()[:8192]]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def sizes(path: Path) -> dict[tuple[str, str], int]:
    """Everything of this file that is over a budget."""
    text = path.read_text()
    where, over = name(path), {}
    lines = text.splitlines()
    if len(lines) > LINES_OF_FILE:
        over["file", where] = len(lines)
    if long := sum(len(line) > COLUMNS for line in lines):
        over["columns", where] = long
    most = PARAMETERS_KERNEL if where.startswith("src/excraft/kernel/") else PARAMETERS
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        length = node.end_lineno - node.lineno + 1
        if length > LINES_OF_FUNCTION:
            over["function", f"{where}:{node.name}"] = length
        given = [a.arg for a in node.args.posonlyargs + node.args.args + node.args.kwonlyargs]
        count = len([a for a in given if a not in ("self", "cls")])
        if count > most and not is_command_line(where):
            over["parameters", f"{where}:{node.name}"] = count
    return over


def is_command_line(where: str) -> bool:
    """Each parameter of these functions is an option somebody types; their number is the user's."""
    return where.startswith(("src/excraft/cli/", "src/excraft/gateway/admin.py"))


def test_budgets_hold_and_the_ratchet_only_shrinks():
    found = {key: number for path in python_files() for key, number in sizes(path).items()}
    grown = {k: n for k, n in found.items() if n > RATCHET.get(k, 0)}
    assert not grown, f"over budget: {grown}"
    slack = {k: n for k, n in RATCHET.items() if n > found.get(k, 0)}
    assert not slack, f"lower these entries of RATCHET to what is needed now: {slack}"


def test_names_say_what_is_inside():
    for path in python_files():
        parts = {*path.relative_to(ROOT).with_suffix("").parts}
        parts |= {word for part in parts for word in part.split("_")}
        assert not parts & BANNED_NAMES, f"{name(path)} has a name that says nothing"


def test_no_file_contains_what_none_may():
    for path in text_files():
        text = path.read_text()
        for banned, why in BANNED_TEXT.items():
            if banned in text and not (name(path) in MAY_NAME_OPTIONS and "-" in banned):
                pytest.fail(f"{name(path)} contains {banned}: {why}")


def test_no_test_is_skipped():
    for path in own(ROOT / "tests", "*.py"):
        found = SKIPPED.search(path.read_text())
        assert path == Path(__file__) or not found, f"{name(path)} skips: {found}"


def test_no_error_is_swallowed():
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                silent = all(isinstance(line, ast.Pass) for line in node.body)
                wide = caught in ("everything", "Exception", "BaseException")
                assert not (silent and wide), f"{name(path)}:{node.lineno} swallows {caught}"


def test_tests_mirror_the_package():
    packages = {p.name for p in (ROOT / "src/excraft").iterdir() if p.is_dir()}
    for folder in (ROOT / "tests").iterdir():
        if folder.is_dir() and folder.name != "__pycache__":
            assert folder.name in packages | OUTSIDE_MIRROR, f"tests/{folder.name} mirrors nothing"


def test_every_module_says_what_it_is():
    for path in own(ROOT / "src", "*.py"):
        if path.stat().st_size:
            assert ast.get_docstring(ast.parse(path.read_text())), f"{name(path)}: no docstring"


def test_local_links_of_the_documents_lead_somewhere():
    for path in [*ROOT.glob("*.md"), *own(ROOT / "docs", "*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{name(path)} links to {target}: missing"


def test_locks_carry_hashes_only():
    for lock in [*ROOT.glob("*.lock"), *own(ROOT / "tests/peers", "*.lock")]:
        for line in lock.read_text().splitlines():
            assert re.fullmatch(
                r"(\S+==\S+( ; [^\\]+)? \\)|(    --hash=sha256:[0-9a-f]{64}( \\)?)|#.*|", line
            ), f"{name(lock)}: {line}"
    for lock in ROOT.glob("*/package-lock.json"):
        kept = [*json.loads(lock.read_text())["packages"].values()][1:]
        assert all("integrity" in one and "resolved" not in one for one in kept), name(lock)

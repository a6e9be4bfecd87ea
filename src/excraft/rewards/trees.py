"""The trees of claims, saved beside the days they are of: a proof needs a few nodes of one.

They can be made again from the published tables at any time, so old ones are thrown away.
"""

from pathlib import Path

from excraft.scores.tree import Tree

FOLDER = "trees"
KEPT = 62  # days; a claim needs the newest posted one


def save_tree(root: Path, day: int, tree: Tree) -> None:
    """Whole or not at all."""
    path = _path(root, day)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    tree.save(partial)
    partial.rename(path)
    _path(root, day - KEPT).unlink(missing_ok=True)


def saved_tree(root: Path, day: int) -> Tree | None:
    """None when it is not there."""
    path = _path(root, day)
    return Tree.open(path) if path.exists() else None


def _path(root: Path, day: int) -> Path:
    return root / FOLDER / f"claims-{day:05}.npy"

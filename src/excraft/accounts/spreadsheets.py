"""Text that goes into a spreadsheet and must not run there."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(cell: str) -> str:
    """The same text; behind an apostrophe when a spreadsheet would take it for a formula."""
    return "'" + cell if cell.startswith(_FORMULA) else cell

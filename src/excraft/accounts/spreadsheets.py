"""Text that goes into a spreadsheet and must not run there."""

_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are their wide forms


def plain(cell: str) -> str:
    """The same text; behind an apostrophe when a spreadsheet would take it for a formula."""
    return "'" + cell if cell.startswith(_FORMULA) else cell

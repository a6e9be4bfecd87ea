"""What can be wrong with a dataset; each says where, what stands there and what would be right."""


class DatasetError(Exception):
    """The dataset is not what it must be."""


class Malformed(DatasetError):
    """A value that its column cannot have, or a row out of order."""

    def __init__(self, table: str, line: int, problem: str) -> None:
        super().__init__(f"{table}, line {line}: {problem}")
        self.table, self.line = table, line


class Damaged(DatasetError):
    """A file that is not the one whose hash was published."""


class AlreadyPublished(DatasetError):
    """Something else was published under this name; what is published never changes."""


class NotPublished(DatasetError):
    """There is no such day or round, or it has no results yet."""

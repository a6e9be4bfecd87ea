"""The data folder: where everything of one exchange lies."""

from dataclasses import dataclass
from pathlib import Path

from excraft.cli.exits import Exit, Failure


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths of one data folder; `Folder.make` creates it readable by its owner only."""

    root: Path

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"

    @property
    def database(self) -> str:
        """URL of the SQLite file, the default store."""
        return f"sqlite:///{(self.root / 'excraft.db').absolute()}"

    @property
    def secret_key(self) -> Path:
        return self.root / "secret.key"

    @property
    def control(self) -> Path:
        return self.root / "control.sock"

    @property
    def signer(self) -> Path:
        """Where the signer listens, while one runs."""
        return self.root / "signer.sock"

    @property
    def chains(self) -> Path:
        """Which chains there are; without it nothing comes or goes over one."""
        return self.root / "chains.json"

    @property
    def contracts(self) -> Path:
        """Where the exchange's own contracts are; without it there are none."""
        return self.root / "contracts.json"

    @property
    def dataset(self) -> Path:
        """What merit publishes of days and rounds, a folder each."""
        return self.root / "merit"

    @property
    def operator_key(self) -> Path:
        """The key that posts rounds and days to the contracts."""
        return self.root / "operator.key"

    @property
    def settings(self) -> Path:
        """What `excraft up` was started with that other commands need: the database URL."""
        return self.root / "settings.json"

    @property
    def demo_members(self) -> Path:
        return self.root / "demo_members.json"

    @classmethod
    def make(cls, root: Path) -> "Folder":
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(
                f"cannot use {root} as data folder: {error.strerror}; name a folder that can be "
                f"written with --data"
            ) from error
        return cls(root)

    @classmethod
    def existing(cls, root: Path) -> "Folder":
        """For commands that read: a folder with a log in it."""
        folder = cls(root)
        if not folder.log.is_dir():
            raise Failure(
                f"{root} holds no exchange (no folder {folder.log}); name the data folder "
                f"that `excraft up --data` was given",
                Exit.USAGE,
            )
        return folder

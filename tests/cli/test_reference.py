"""The generated references are fresh, and the command line ends as documented."""

import pytest

from excraft.cli.exits import Exit
from excraft.cli.reference import FOLDER, pages


@pytest.mark.parametrize("name", pages())
def test_the_reference_is_fresh(name):
    assert (FOLDER / name).read_text() == pages()[name], "run `make reference`"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["no-such"], Exit.USAGE, "no-such"),
        (["up", "--port", "70000"], Exit.USAGE, "65535"),
        (["api-key", "create", "bob", "--kind", "rsa"], Exit.USAGE, "needs --public-key FILE"),
        (["flow", "no-such-file"], Exit.USAGE, "no-such-file"),
        (["replay", "no-such-folder"], Exit.USAGE, "holds no exchange"),
        (["bench", "no-such"], Exit.USAGE, "there is no benchmark 'no-such'"),
        (["--help"], Exit.DONE, ""),
    ],
)
def test_what_is_typed_wrong_ends_with_the_documented_code(excraft, arguments, code, words):
    done = excraft(*arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr

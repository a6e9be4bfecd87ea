"""What every command has in common: a wrong call is one sentence that says where to look."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["market", "ad"], "No such command 'ad'. Did you mean 'add'? (see excraft market --help)"),
        (["replay"], "Missing argument 'source' (see excraft replay --help)"),
        (["market", "list", "--data"], "Option '--data' requires an argument (see excraft --help)"),
    ],
)
def test_a_wrong_call_is_one_sentence(excraft, arguments, sentence):
    done = excraft(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"excraft: {sentence}\n")


def test_no_arguments_show_the_help(excraft):
    done = excraft("market")
    assert done.returncode == 2
    assert "Take no new orders in a market" in done.stdout + done.stderr


def test_before_anything_was_done_no_day_has_an_end(excraft, tmp_path):
    done = excraft("round", "status", "--data", str(tmp_path / "new"))
    first = "round 0, day 0 (1 of 7), from the log's first record on; 0 pools"
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, first), done.stderr

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

"""Options are named, and kept as they were given."""

import pytest

from everywire.client.options import Change, ClientOptions, State


def test_options_have_defaults_and_names():
    assert ClientOptions().answer_timeout == 10
    assert ClientOptions(info={"name": "Ada"}).info == {"name": "Ada"}
    with pytest.raises(TypeError):
        ClientOptions(nonsense=1)


def test_a_change_says_a_state():
    assert Change(State.WAITING, delay=2).code == 0

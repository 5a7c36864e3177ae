"""A relaying broker asks the one behind it everything, in its own way."""

import inspect

import pytest

from everywire.brokers.base import Broker, Relaying

OWN = {"alone", "listen", "close"}  # which every broker answers itself


class Inner:
    """Answers each question with its name and what was asked."""

    def __getattr__(self, name):
        async def answer(*asked):
            return name, asked

        return answer


class Relay(Relaying):
    """Notes that it was asked."""

    def __init__(self):
        self._inner = Inner()
        self.asked = 0

    async def _asked(self, question):
        self.asked += 1
        return await question


def questions():
    return sorted(name for name in vars(Broker) if not name.startswith("_") and name not in OWN)


def test_there_are_questions():
    assert len(questions()) > 10


@pytest.mark.parametrize("name", questions())
async def test_every_question_reaches_the_broker_behind_it(name):
    relay = Relay()
    count = len(inspect.signature(getattr(Broker, name)).parameters) - 1
    asked = tuple(range(count))
    answer = await getattr(relay, name)(*asked)
    assert relay.asked == 1
    assert answer in ((name, asked), None)
    if answer is None:
        assert inspect.signature(getattr(Broker, name)).return_annotation in ("None", None)

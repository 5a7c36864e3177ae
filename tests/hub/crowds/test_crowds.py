"""All that is asked of many sessions shares its questions' numbers."""

from tests.hub.crowds.nodes import Crowd


def test_questions_at_the_same_time_are_told_apart():
    with Crowd(2) as crowd:
        ann, ben = crowd.come(0, "ann"), crowd.come(1, "ben")
        hub = crowd.node().hub
        one, other = (hub.world.task(_list(crowd, user=user)) for user in ("ann", "ben"))
        crowd.run(0.1)
        assert [each.session for each in one.result().sessions] == [ann.session]
        assert [each.session for each in other.result().sessions] == [ben.session]


async def _list(crowd, **whom):
    return await crowd.node().sessions(**whom)

"""Schedules for defects that random steps seldom show: each draws its own from `dice`."""


def publications_that_are_said_again(dice):
    """Connections that break between what is refused or accepted and its answer, while others publish."""
    steps = [("wait", 0.5)]
    for _ in range(40):
        who = dice.randrange(3)
        other = (who + 1) % 3
        steps += [
            ("publish", other, 0, dice.choice((1, 2))),
            ("publish", who, 0, dice.choice((2, 5))),
            ("wait", dice.choice((0.001, 0.003, 0.01, 0.02))),
            ("cut", who),
            ("publish", other, 0, 2),
            ("wait", dice.choice((0.02, 0.1, 0.3))),
        ]
    return steps


def long_absences(dice):
    """Three who are away one after another, for as long as it takes them to notice, while the fourth publishes."""
    steps = [("wait", 0.5)]
    for who in range(4):
        steps += [("publish", who, 0, 5), ("wait", 0.1)]
    for who in (1, 2, 3):
        steps += [("freeze", who), *[("publish", 0, 0, 5), ("wait", 0.05)] * dice.choice((1, 2, 3, 4))]
    return [*steps, ("wait", 6.0)]


def leavings_under_way(dice):
    """A broker that stands still until leases are over, while everybody comes back: what is asked for and who left come together."""
    stall, cuts = ("stall", 2.0), [("cut", who) for who in range(3)]
    away = [stall, ("wait", 0.1), stall, ("wait", 2.0), *cuts, stall, ("wait", 2.0), stall, *cuts]
    return [("wait", dice.choice((0.9, 1.0))), *away, ("publish", 0, 0, 1)]


def links_given_up(dice):
    """A broker that stands still until links to it are given up, while clients move from node to node."""
    steps = [("wait", 1.0)]
    for _ in range(4):
        steps += [
            ("publish", 0, 0, 1),
            ("stall", 2.0),
            ("wait", dice.uniform(0, 0.6)),
            ("cut", dice.randrange(3)),
            ("wait", dice.uniform(0.5, 1.5)),
            ("stall", 2.0),
            ("cut", dice.randrange(3)),
            ("wait", dice.uniform(0.5, 2.0)),
            ("cut", dice.randrange(3)),
            ("wait", 4.0),
        ]
    return steps


def takeovers_that_are_not_heard(dice):
    """A node without a link for longer than its lease, whose clients go on at another one shortly before the link is back."""
    steps = [("wait", 1.0)]
    for _ in range(5):
        steps += [
            ("deafen", 0),
            ("wait", dice.uniform(2.0, 2.6)),
            ("deafen", 0),
            ("wait", dice.uniform(0.5, 2.5)),
            *[("cut", who) for who in range(4)],
            ("publish", 0, 0, 1),
            ("wait", dice.uniform(1.0, 2.0)),
        ]
    return steps

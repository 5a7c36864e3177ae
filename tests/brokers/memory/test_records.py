"""Records: kept for their time."""

from everywire.brokers.memory.records import Records


def make():
    now = [0.0]
    return now, Records(lambda: now[0])


def test_a_record_is_kept_for_its_time():
    now, records = make()
    records.put("a", b"1", 10)
    now[0] = 9.9
    assert records.get("a") == b"1"
    now[0] = 10.0
    assert records.get("a") is None
    assert len(records) == 0


def test_the_later_record_stays():
    now, records = make()
    records.put("a", b"1", 10)
    records.put("a", b"2", 20)
    now[0] = 15.0
    assert records.get("a") == b"2"
    records.drop("a")
    records.drop("a")
    assert records.get("a") is None


def test_what_nobody_asks_for_is_forgotten_all_the_same():
    now, records = make()
    for number in range(5_000):
        now[0] += 1
        records.put(str(number), b"", 10)
    assert len(records) <= 1_025
    records.clear()
    assert len(records) == 0


def test_beyond_the_budget_those_put_longest_ago_go():
    records = Records(lambda: 0.0, budget=1_000)
    for number in range(100):
        records.put("first" if number % 10 == 0 else str(number), b"x" * 50, 10)
        assert records.cost <= 1_000
    assert records.get("first") is None
    assert records.get("99") == b"x" * 50


def test_a_record_that_is_gone_costs_nothing():
    now, records = make()
    for number in range(2_000):
        now[0] += 1
        records.put(str(number), b"x", 1)
        records.put("same", b"y" * (number % 7), 1)
        records.get(str(number - 5))
        records.drop(str(number))
    now[0] += 10
    for number in range(2_000):
        records.get(str(number))
    records.get("same")
    assert (records.cost, len(records)) == (0, 0)

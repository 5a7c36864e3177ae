"""Names with wildcards."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everywire import wildcards
from everywire.wildcards import Patterns, covers, matches, quoted, wild

NAMES = st.lists(st.sampled_from(["a", "b", "", "a*"]), min_size=1, max_size=4).flatmap(
    lambda words: st.lists(st.sampled_from(".:"), min_size=len(words) - 1, max_size=len(words) - 1).map(
        lambda between: "".join(sum(zip(words, [*between, ""], strict=True), ()))
    )
)
PATTERNS = NAMES.map(lambda name: re.sub(r"\bb\b", "*", name)) | NAMES.map(lambda name: re.sub(r"\w+$", ">", name))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a:*", True),
        ("*", True),
        (">", True),
        ("a.>", True),
        ("a", False),
        ("a*", False),
        (">.a", False),
        ("a>", False),
    ],
)
def test_wild(name, expected):
    assert wild(name) is expected


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("score:*", "score:ann", True),
        ("score:*", "score.ann", False),
        ("score:*", "score:ann:2", False),
        ("score:*", "score:", False),
        ("score:>", "score:ann", True),
        ("score:>", "score:ann.2:x", True),
        ("score:>", "score", False),
        ("*.b", "a.b", True),
        ("*:*", "a:b", True),
        (">", "a:b.c", True),
    ],
)
def test_matches(pattern, name, expected):
    assert matches(pattern, name) is expected


@pytest.mark.parametrize(
    ("pattern", "template", "said"),
    [
        ("score:*", "score:{game}", {"game": "*"}),
        ("score:>", "score:{game}:{part}", {"game": ">", "part": ">"}),
        ("score:7:*", "score:{game}:{part}", {"game": "7", "part": "*"}),
        ("*:7", "score:{game}", {"game": "7"}),
        ("score:*", "score:{game}:{part}", None),
        ("score:*:*", "score:{game}", None),
        ("other:*", "score:{game}", None),
        (">", "{name}", {"name": ">"}),
    ],
)
def test_covers(pattern, template, said):
    assert covers(pattern, template) == said


def plainly(pattern, name):
    """The same by a regular expression."""
    pieces = re.split(r"([.:])", pattern)
    last = pieces.pop() if pieces[-1] == ">" else None
    text = "".join("[^.:]+" if piece == "*" else re.escape(piece) for piece in pieces)
    return re.fullmatch(text + (r"[^.:]+([.:][^.:]*)*" if last else ""), name) is not None


@given(st.lists(PATTERNS.filter(wild), unique=True, max_size=8), st.lists(NAMES, max_size=5), st.data())
def test_many_patterns_match_as_each_alone(every, names, data):
    patterns = Patterns()
    for pattern in every:
        patterns.add(pattern)
    for name in names:
        assert sorted(patterns.matching(name)) == sorted(p for p in every if plainly(p, name))
    for pattern in data.draw(st.permutations(every)):
        patterns.discard(pattern)
        patterns.discard(pattern)
        assert pattern not in patterns
        for name in names:
            assert pattern not in patterns.matching(name)
    assert (len(patterns), patterns._root) == (0, {})


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(wildcards, "_CACHED", 3)
    patterns = Patterns()
    patterns.add("a:*")
    for number in range(10):
        assert patterns.matching(f"a:{number}") == ("a:*",)
    assert len(patterns._known) == 3
    assert [*patterns] == ["a:*"]


def test_looking_among_many_patterns_does_not_look_at_many():
    class Counted(dict):
        looked = 0

        def get(self, key, default=None):
            Counted.looked += 1
            return super().get(key, default)

    patterns = Patterns()
    patterns._root = Counted()
    for number in range(3_000):
        patterns.add(f"score:{number}:*")
        patterns.add(f"{number}.>")
    patterns._root["score"][":"] = Counted(patterns._root["score"][":"])
    assert patterns.matching("score:7:home") == ("score:7:*",)
    assert patterns.matching("7.a:b") == ("7.>",)
    assert Counted.looked < 20


def test_any_text_can_be_a_word():
    assert quoted("Tee & Ü", "%:*>") == "Tee & Ü"
    assert quoted("a:b*c>d%e\n{", "%:*>") == "a%3Ab%2Ac%3Ed%25e%0A{"
    with pytest.raises(ValueError, match="surrogates not allowed"):
        quoted("\ud83d", "%")


@given(st.text(), st.text())
def test_two_texts_are_two_words(one, other):
    assert (quoted(one, "%:*>") == quoted(other, "%:*>")) == (one == other)

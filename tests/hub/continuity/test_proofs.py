"""Resume secrets: nobody else makes one, and nothing but a whole one counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everywire.hub.continuity.proofs import Proof, Signer

ANN = Proof("s1", "ann", 1_000)
SIGNER = Signer(["a secret"])


@given(st.text(max_size=40), st.none() | st.text(max_size=40), st.integers(0, 2**53))
def test_what_was_signed_is_read_again(session, user, issued):
    proof = Proof(session, user, issued)
    assert Signer(["a secret"]).open(SIGNER.sign(proof)) == proof


@given(st.data())
def test_no_other_character_will_do(data):
    secret = SIGNER.sign(ANN)
    place = data.draw(st.integers(0, len(secret) - 1))
    letter = data.draw(st.characters(codec="latin-1"))
    forged = secret[:place] + letter + secret[place + 1 :]
    assert SIGNER.open(forged) == (ANN if forged == secret else None)


@pytest.mark.parametrize("cut", [0, 1, 8, 9, 20, -1, -10])
def test_nothing_less_than_all_of_it_will_do(cut):
    assert SIGNER.open(SIGNER.sign(ANN)[:cut]) is None


@pytest.mark.parametrize("secret", ["", ".", "..", "a.b.c", "ü" * 10, "x" * 100_000, "\x00", "s1.secret"])
def test_what_is_no_secret_is_none(secret):
    assert SIGNER.open(secret) is None


def test_another_applications_secret_is_none():
    assert Signer(["another"]).open(SIGNER.sign(ANN)) is None


def test_parts_of_two_secrets_do_not_make_one():
    first, second = SIGNER.sign(ANN).split("."), SIGNER.sign(Proof("s2", "ben", 1_000)).split(".")
    assert SIGNER.open(f"{first[0]}.{second[1]}.{first[2]}") is None


def test_a_secret_is_replaced_without_a_break():
    both, newer = Signer(["new", "a secret"]), Signer(["new"])
    assert both.open(SIGNER.sign(ANN)) == ANN
    assert newer.open(both.sign(ANN)) == ANN
    assert SIGNER.open(both.sign(ANN)) is None
    assert newer.open(SIGNER.sign(ANN)) is None


def test_what_another_release_says_is_none():
    signer = Signer(["a secret"])
    assert signer.open(signer.sign((1, 2))) is None
    assert signer.open(signer.sign("text")) is None


@pytest.mark.parametrize("secrets", [[], [""], ["a", ""]])
def test_there_is_no_signing_without_a_secret(secrets):
    with pytest.raises(ValueError, match="secret"):
        Signer(secrets)

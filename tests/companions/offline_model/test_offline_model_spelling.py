"""Spelling: mistakes are forgiven, real words are left alone, and nothing strange becomes a command."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from shop.companions.offline_model.spelling import COMMANDS, corrected


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("blakc hodie", "black hoodie"),
        ("shwo me stikers", "show me stickers"),
        ("wich notbook is cheepest", "which notebook is cheapest"),
        ("chekout", "checkout"),
        ("cancle my lats odrer", "cancel my last order"),
        ("undr 50 eurs", "under 50 euros"),
        ("teh frist one", "the first one"),
    ],
)
def test_a_misspelt_word_is_read_as_what_it_was_meant_to_be(written: str, meant: str) -> None:
    """Letters left out, doubled, swapped or mistaken."""
    assert corrected(written) == meant


def test_words_that_were_shown_are_right_as_they_are() -> None:
    """A name that stands near a word of the lexicon is not corrected, and one that is misspelt is corrected into it."""
    assert corrected("mugger", frozenset({"mugger"})) == "mugger"
    assert corrected("unautorized quorm", frozenset({"unauthorized", "quorum"})) == "unauthorized quorum"


@pytest.mark.parametrize(
    "word", ["chick", "ladder", "pray", "canal", "bay", "shop", "chip", "boy", "odd", "moved", "purchaser", "nonce"]
)
def test_a_real_word_is_left_alone(word: str) -> None:
    """However near it stands to a command."""
    assert corrected(word) == word


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=9))
def test_no_strange_word_becomes_a_command(word: str) -> None:
    """Only a single slip turns a word that nobody knows into one that changes something."""
    meant = corrected(word)
    assert meant == word or meant not in COMMANDS or OSA.distance(word, meant) == 1

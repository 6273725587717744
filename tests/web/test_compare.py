"""What the review page says of a pair."""

from cdp.web import compare

STORED = {
    "model": 3,
    "weight": 1.7,
    "probability": 0.76,
    "instead": "strangers",
    "parts": [
        {"field": "prior", "level": "one person, or strangers", "bits": -4.0},
        {"field": "surname", "level": "exact", "bits": 6.1},
        {"field": "given", "level": "similar", "bits": -0.4},
    ],
}


def test_the_parts_are_shown_in_order_and_sum_to_the_weight() -> None:
    shown = compare.weights(STORED)
    assert [(one.label, one.speaks) for one in shown] == [
        ("prior", "against"),
        ("surname", "for"),
        ("given", "against"),
    ]
    found = compare.verdict(STORED)
    assert found is not None
    assert round(sum(one.bits for one in shown), 6) == found.bits
    assert (found.instead, found.doubt) == ("strangers", False)


def test_a_pair_without_weights_says_nothing() -> None:
    assert compare.weights({}) == []
    assert compare.verdict({}) is None

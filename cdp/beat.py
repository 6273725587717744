"""The clock: django-celery-beat's scheduler over the tables that `cdp.schedules` keeps."""

from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from cdp import schedules


class Entry(ModelEntry):
    """One task. Only the clock's own columns are written back, in one statement."""

    def save(self) -> None:
        """Note when it was last started. (Saving the row would undo what a person has changed since it was read.)"""
        PeriodicTask.objects.filter(pk=self.model.pk).update(
            last_run_at=self.model.last_run_at, total_run_count=self.model.total_run_count
        )


class Scheduler(DatabaseScheduler):
    """Follows the tables, and writes every few seconds when tasks were last started."""

    Entry = Entry
    sync_every = 5

    def setup_schedule(self) -> None:
        """Bring the tables up to this code before anything is started."""
        schedules.install()

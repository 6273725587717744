"""What is computed of everybody: linkage, insights, KPIs, experiments and bandits."""

import subprocess
import sys
from datetime import timedelta

from celery import shared_task
from django.conf import settings

from cdp import nudge
from cdp.environment import PROJECT_FOLDER
from cdp.nudge import ANALYSE_EXPERIMENTS, REFRESH_KPIS, RUN_INSIGHTS
from common import clock
from common.alone import alone


def _run_apart(command: str) -> None:
    subprocess.run([sys.executable, "manage.py", command], cwd=PROJECT_FOLDER, check=True)


@shared_task(name="cdp.tasks.link_profiles", queue="linkage")
def link_profiles() -> None:
    """Find the same people among profiles that changed. The only task that loads pandas."""
    from cdp.pipeline.follow import follow_moves
    from identity.linkage import services

    services.link_changed(now=clock.now(), after=follow_moves)


@shared_task(name="cdp.tasks.run_linkage", queue="default")
@alone()
def run_linkage() -> None:
    """Do a waiting run over the whole base in a process of its own: what it needs in memory goes when it ends."""
    from identity.linkage import services

    if services.run_waiting():
        _run_apart("run_linkage")


@shared_task(name="cdp.tasks.plan_linkage_training", queue="default")
@alone()
def plan_linkage_training() -> None:
    """Ask for a new model of linkage when the live one is old or the base has changed."""
    from identity.linkage import services

    services.plan_training(now=clock.now())


@shared_task(name=RUN_INSIGHTS, queue="insights")
@alone()
def run_insights() -> None:
    """Do waiting computations in a process of its own: scikit-learn and what it needs in memory go when it ends."""
    from insights import selectors

    nudge.taken(RUN_INSIGHTS)
    if selectors.runs_wait():
        _run_apart("run_insights")
        nudge.followers()
        # A version that was switched on is to be scored with now, not within the hour.
        plan_insights()


@shared_task(name="cdp.tasks.keep_features", queue="insights")
@alone()
def keep_features() -> None:
    """Compute the kept features of whom something came, and once a day those of everybody."""
    from cdp.pipeline.follow import follow_moves
    from insights import services

    if services.keep_up(clock_now=clock.now, after=follow_moves):
        nudge.followers()


@shared_task(name="cdp.tasks.plan_insights", queue="default")
@alone()
def plan_insights() -> None:
    """Ask for the computations that are due."""
    from insights import services

    if services.plan_runs(now=clock.now()):
        nudge.wake(RUN_INSIGHTS)


@shared_task(name=REFRESH_KPIS, queue="default")
@alone()
def refresh_kpis() -> None:
    """Count the days of the KPIs anew that may have changed."""
    from insights import services

    nudge.taken(REFRESH_KPIS)
    services.refresh_kpis(now=clock.now(), gap=timedelta(minutes=settings.SESSION_MINUTES))


@shared_task(name=ANALYSE_EXPERIMENTS, queue="default")
@alone()
def analyse_experiments() -> None:
    """Measure every experiment that runs, or ended since it was measured."""
    from campaigns import services

    nudge.taken(ANALYSE_EXPERIMENTS)
    services.analyse_due(now=clock.now())


@shared_task(name="cdp.tasks.learn_bandits", queue="default")
@alone()
def learn_bandits() -> None:
    """Let every bandit learn that runs."""
    from campaigns import services

    services.learn_bandits(now=clock.now())

"""Watches the children of one data folder: starts again what dies, stops all in order, leaves nobody behind."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cdp.runner import processes, watchdog
from cdp.runner.children import Child, environment

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
# A child that lived this long was well; its next death is a new story.
STEADY = 30.0
LARGEST_LOG = 20 * 1024 * 1024


@dataclass
class Running:
    """A child and its present process."""

    child: Child
    process: subprocess.Popen[bytes]
    started_at: float
    deaths: int = 0
    start_again_at: float | None = None
    exit_code: int | None = None


def pause_before(deaths: int) -> float:
    """How long to wait before the next start: doubling, so that a broken child does not burn the machine."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(deaths, 20))


class Supervisor:
    """The parent of every process of the product."""

    def __init__(self, folder: Path, *, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.say = say
        self.running: dict[str, Running] = {}
        self.watchdog = watchdog.Watchdog(folder)
        self.stops_asked = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop)

    def _on_stop(self, *_: object) -> None:
        self.stops_asked += 1

    @property
    def stopping(self) -> bool:
        """True once Ctrl-C or SIGTERM came."""
        return self.stops_asked > 0

    def start(self, child: Child) -> None:
        """Start a child and watch it from now on."""
        process = processes.start(
            child.command,
            log=self.log(child.name),
            death_signal=child.stop_signal,
            environment={**environment(self.folder), **child.environment},
            popen_arguments=child.popen_arguments,
        )
        earlier = self.running.get(child.name)
        deaths = earlier.deaths if earlier else 0
        self.running[child.name] = Running(child=child, process=process, started_at=time.monotonic(), deaths=deaths)
        self._tell_watchdog()

    def log(self, name: str) -> Path:
        """Where a child writes."""
        return self.folder / "logs" / f"{name}.log"

    def tend(self) -> Iterator[str]:
        """One round: notice the dead, start again whose pause is over. Yields the names of children that just ended."""
        now = time.monotonic()
        for running in list(self.running.values()):
            if running.start_again_at is not None:
                if now >= running.start_again_at:
                    self._start_again(running)
            elif running.exit_code is None and running.process.poll() is not None:
                self._note_death(running, now)
                yield running.child.name
            self._trim(self.log(running.child.name))

    def run(self, on_end: Callable[[str, int], None] | None = None) -> None:
        """Tend until asked to stop."""
        while not self.stopping:
            for name in self.tend():
                if on_end:
                    on_end(name, self.running[name].exit_code or 0)
            time.sleep(0.2)

    def stop_all(self) -> None:
        """Stop every child, phase by phase; a second Ctrl-C ends all patience."""
        phases = sorted({running.child.phase for running in self.running.values()})
        for phase in phases:
            members = [running for running in self.running.values() if running.child.phase == phase]
            self._stop_together(members)
        self.running.clear()
        self.watchdog.close()

    def _stop_together(self, members: list[Running]) -> None:
        for running in members:
            if running.process.poll() is None:
                running.process.send_signal(running.child.stop_signal)
        deadline = time.monotonic() + max(running.child.patience for running in members)
        while any(running.process.poll() is None for running in members):
            if time.monotonic() > deadline or self.stops_asked > 1:
                break
            time.sleep(0.02)
        for running in members:
            if running.process.poll() is None:
                self.say(f"{running.child.name} did not stop by itself; killed")
            processes.sweep(running.process.pid)
            running.process.wait()

    def _note_death(self, running: Running, now: float) -> None:
        running.exit_code = running.process.returncode
        processes.sweep(running.process.pid)  # workers whose master was killed
        if not running.child.restart:
            return
        if now - running.started_at > STEADY:
            running.deaths = 0
        pause = pause_before(running.deaths)
        running.deaths += 1
        running.start_again_at = now + pause
        how = f"signal {-running.exit_code}" if running.exit_code < 0 else f"exit code {running.exit_code}"
        log = self.log(running.child.name)
        self.say(f"{running.child.name} ended ({how}); starting it again in {pause:.1f} s; see {log}")

    def _start_again(self, running: Running) -> None:
        if running.child.before_restart:
            running.child.before_restart()
        self.start(running.child)

    def _tell_watchdog(self) -> None:
        alive = [running for running in self.running.values() if running.process.poll() is None]
        alive.sort(key=lambda running: running.child.phase)
        self.watchdog.tell([(running.process.pid, running.child.stop_signal) for running in alive])

    def _trim(self, log: Path) -> None:
        """Keep one older log. Children hold the file open for appending, so it is copied and emptied, not renamed."""
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            with log.open("r+b") as file:
                file.truncate(0)

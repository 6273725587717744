"""`python manage.py up`: the whole product in the foreground, as one process tree.

Read `_run` from top to bottom: it is the order of a start. Loads neither Django nor a database driver.
"""

import argparse
import http.client
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from cdp import environment
from cdp.environment import PROJECT_FOLDER, EnvironmentProblem, envbool, envint, envstr
from cdp.runner import children, holding, leftovers, preflight, report, services
from cdp.runner.problems import StartProblem
from cdp.runner.supervisor import Supervisor

# Seconds on an idle machine; a busy one may take minutes, and giving up would not make it faster.
WEB_PATIENCE = 240.0
DEMO_STATE = "demo_state"


def main(arguments: list[str]) -> int:
    """Start, watch, stop; 0 after Ctrl-C, 1 with one line of cause and mend when the start failed."""
    parser = argparse.ArgumentParser(prog="manage.py up", description="Run the whole product until Ctrl-C.")
    parser.add_argument("--no-demo", action="store_true", help="start empty (also DEMO=0)")
    chosen = parser.parse_args(arguments)
    try:
        with_demo = not chosen.no_demo and envbool("DEMO", True)
        return _hold_and_run(environment.data_folder(), with_demo=with_demo)
    except (StartProblem, EnvironmentProblem) as problem:
        report.complain(str(problem))
        return 1
    except OSError as error:
        report.complain(str(preflight.system_problem(error)))
        return 1


def _hold_and_run(folder: Path, *, with_demo: bool) -> int:
    began = time.monotonic()
    preflight.check_modules()
    services.claim(folder)
    preflight.check_disk(folder)
    held = holding.hold(folder)
    if held is None:
        raise preflight.busy(folder)
    with held:
        return _run(folder, began=began, with_demo=with_demo)


def _run(folder: Path, *, began: float, with_demo: bool) -> int:
    for sentence in leftovers.stop_leftovers(folder, None):
        report.say(sentence)
    preflight.check_port(envstr("CDP_HOST", "127.0.0.1"), envint("CDP_PORT", 8000))
    plan = services.prepare(folder)
    for sentence in leftovers.stop_leftovers(folder, plan.cluster):
        report.say(sentence)
    supervisor = Supervisor(folder, say=report.say)
    try:
        _start_servers(supervisor, plan)
        _bring_up_to_date(supervisor)
        _start_product(supervisor)
        report.say(_banner(folder, began))
        _start_demo(supervisor, wanted=with_demo)
        supervisor.run(on_end=lambda name, code: _note_end(folder, name, code))
        report.say("\nStopping.")
    except KeyboardInterrupt:
        report.say("\nStopping.")
    finally:
        supervisor.stop_all()
    report.say("Stopped. The data is kept.")
    return 0


def _start_servers(supervisor: Supervisor, plan: services.Plan) -> None:
    for item in plan.servers():
        supervisor.start(children.server(plan, item))
        _wait_for(supervisor, item.name, item.is_ready, services.PATIENCE)
    if plan.cluster:
        plan.cluster.create_database()


def _start_product(supervisor: Supervisor) -> None:
    supervisor.start(children.web())
    for child in children.workers():
        supervisor.start(child)
    _wait_for(supervisor, "web", _web_answers, WEB_PATIENCE)


def _wait_for(supervisor: Supervisor, name: str, is_ready: Callable[[], bool], patience: float) -> None:
    """Wait until a child answers; its early death or Ctrl-C ends the start."""
    deadline = time.monotonic() + patience
    while not is_ready():
        if supervisor.stopping:
            raise KeyboardInterrupt
        dead = supervisor.running[name].process.poll() is not None
        if dead or time.monotonic() > deadline:
            log = supervisor.log(name)
            raise StartProblem(cause=f"{name} did not start ({services.last_line(log)}).", mend=f"see {log}.")
        time.sleep(0.05)


def _bring_up_to_date(supervisor: Supervisor) -> None:
    """Migrations, first admin, source and token."""
    log = supervisor.log("migrate")
    with log.open("ab") as output:
        done = subprocess.Popen(
            children.python("-m", "cdp.runner.first_start"),
            cwd=PROJECT_FOLDER,
            env=children.environment(supervisor.folder),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while done.poll() is None:
        if supervisor.stopping:
            done.send_signal(signal.SIGINT)
            done.wait()
            raise KeyboardInterrupt
        time.sleep(0.05)
    if done.returncode != 0:
        raise StartProblem(
            cause=f"the database could not be brought up to date ({services.last_line(log)}).", mend=f"see {log}."
        )


def _web_answers() -> bool:
    connection = http.client.HTTPConnection(children.web_address(), timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _banner(folder: Path, began: float) -> str:
    url = f"http://localhost:{envint('CDP_PORT', 8000)}/"
    return report.banner(url=url, found=report.credentials(folder), seconds=time.monotonic() - began, folder=folder)


def _start_demo(supervisor: Supervisor, *, wanted: bool) -> None:
    """Once a data folder: whoever started empty is not surprised by a demo later."""
    state = supervisor.folder / DEMO_STATE
    if not state.exists():
        state.write_text("wanted" if wanted else "declined", encoding="utf-8")
    if wanted and state.read_text(encoding="utf-8") == "wanted":
        report.say(f"The demo is playing in the background; watch it arrive. Progress: {supervisor.log('demo')}")
        supervisor.start(children.demo())


def _note_end(folder: Path, name: str, code: int) -> None:
    if name != "demo":
        return
    if code == 0:
        (folder / DEMO_STATE).write_text("played", encoding="utf-8")
    report.say("The demo has been played." if code == 0 else "The demo was not played to its end; see its log.")

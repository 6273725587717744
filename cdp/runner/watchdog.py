"""What happens to the children when the supervisor itself is killed.

A shell (1 MB, on every system) waits on a pipe that only the supervisor holds. When the pipe closes without a
farewell, it stops the listed processes: first by their own signal, after ten seconds with their whole sessions.
On Linux the kernel signals the children as well (`processes.leash`); the watchdog makes sure that nobody stays.
"""

import subprocess
from pathlib import Path

SCRIPT = """
cat > /dev/null
[ -s "$1" ] || exit 0
while read -r pid number; do kill -"$number" "$pid" 2> /dev/null; done < "$1"
waited=0
while [ "$waited" -lt 50 ]; do
    alive=
    while read -r pid number; do kill -0 "$pid" 2> /dev/null && alive=1; done < "$1"
    [ -n "$alive" ] || break
    sleep 0.2
    waited=$((waited + 1))
done
while read -r pid number; do kill -9 -- "-$pid" 2> /dev/null; done < "$1"
: > "$1"
"""


class Watchdog:
    """The shell and the list it reads."""

    def __init__(self, folder: Path) -> None:
        self.list = folder / "children"
        self.list.write_text("", encoding="utf-8")
        self.shell = subprocess.Popen(
            ["/bin/sh", "-c", SCRIPT, "cdp-watchdog", str(self.list)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def tell(self, children: list[tuple[int, int]]) -> None:
        """The processes to stop, in order, each with its signal."""
        draft = self.list.with_name(".children")
        draft.write_text("".join(f"{pid} {int(number)}\n" for pid, number in children), encoding="utf-8")
        draft.replace(self.list)

    def close(self) -> None:
        """Farewell: an empty list."""
        self.list.write_text("", encoding="utf-8")
        if self.shell.stdin:
            self.shell.stdin.close()
        self.shell.wait()

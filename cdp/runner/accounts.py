"""Which system account runs a server.

PostgreSQL refuses to run as root. When root starts the product, PostgreSQL runs as `nobody`; no account is created
and no folder that is not ours changes its permissions.
"""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """A system account that a server is started as."""

    uid: int
    gid: int

    def popen_arguments(self) -> dict[str, object]:
        """What `subprocess` needs to start a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """True when this account reaches the folder through all of its parents."""
        return self._succeeds(["/bin/sh", "-c", 'cd "$0"', str(folder)])

    def can_run(self, program: Path) -> bool:
        """True when this account can start the program and load its libraries."""
        return self._succeeds([str(program), "--version"])

    def _succeeds(self, command: list[str]) -> bool:
        try:
            done = subprocess.run(
                command, capture_output=True, cwd="/", timeout=30, check=False, **self.popen_arguments()
            )  # type: ignore[call-overload]
        except OSError:
            return False
        return bool(done.returncode == 0)


def server_account() -> Account | None:
    """`nobody` when we are root; None (stay who we are) otherwise."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid)

"""One worker of campaigns and messages, whose clock is off by so many seconds; it works until it is killed."""

import os
import sys
import time
from datetime import datetime, timedelta


def main() -> None:
    """Loop: let in, move on, hand over."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    import django

    django.setup()
    from django.conf import settings

    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    from campaigns import services
    from campaigns.journeys.running import run_once

    base, began, off = datetime.fromisoformat(sys.argv[1]), time.monotonic(), float(sys.argv[2])
    while True:
        now = base + timedelta(seconds=off + time.monotonic() - began)
        done = run_once(now=now) + services.send_due("email", now=now, suppressed=lambda keys: set())
        if not done:
            time.sleep(0.05)


if __name__ == "__main__":
    main()

"""Tells a story with one of the two Python libraries: `send_python.py LIBRARY HOST WRITE_KEY RUN COUNT`."""

import sys


def tell(library: str, host: str, key: str, run: str, count: int) -> None:
    if library == "segment":
        import segment.analytics as analytics

        analytics.host = host
    else:
        import rudderstack.analytics as analytics

        analytics.dataPlaneUrl = host
    analytics.write_key = key
    analytics.max_retries = 5
    analytics.timeout = 180  # seconds: on a busy machine nothing is sent twice for want of patience
    analytics.identify(f"{run}-user", {"email": f"{run}@example.com", "plan": "pro"})
    for n in range(count):
        analytics.track(f"{run}-user", "Thing Done", {"run": run, "n": n, "text": "Zoë 😀"})
    analytics.shutdown()


tell(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))

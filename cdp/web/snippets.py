"""What to paste where to send events to this installation. Pure."""

from dataclasses import dataclass
from string import Template


@dataclass(frozen=True, slots=True)
class Snippet:
    """A way to send, as text to copy."""

    key: str
    label: str
    hint: str
    text: str


_SCRIPT = """\
<script>window.cdp = window.cdp || []</script>
<script async src="$host/cdp.js" data-write-key="$key"$cookie></script>
<script>
  // The page itself is told. Before the script is there, calls wait:
  cdp.push(["identify", "user-1", { email: "anna@example.com" }])
  cdp.push(["track", "Order Completed", { revenue: 42.5 }])
</script>"""

_BROWSER = """\
import { AnalyticsBrowser } from "@segment/analytics-next"

export const analytics = AnalyticsBrowser.load(
  { writeKey: "$key", cdnURL: "$host" },
  { integrations: { "Segment.io": { apiHost: "$bare/v1", protocol: "$protocol" } } },
)

analytics.page()
analytics.identify("user-1", { email: "anna@example.com" })
analytics.track("Order Completed", { revenue: 42.5 })"""

_NODE = """\
import { Analytics } from "@segment/analytics-node"

const analytics = new Analytics({ writeKey: "$key", host: "$host" })

analytics.identify({ userId: "user-1", traits: { email: "anna@example.com" } })
analytics.track({ userId: "user-1", event: "Order Completed", properties: { revenue: 42.5 } })
await analytics.closeAndFlush()"""

_PYTHON = """\
import segment.analytics as analytics

analytics.write_key = "$key"
analytics.host = "$host"

analytics.identify("user-1", {"email": "anna@example.com"})
analytics.track("user-1", "Order Completed", {"revenue": 42.5})
analytics.shutdown()"""

_CURL = """\
curl $host/v1/batch -u $key: -H 'Content-Type: application/json' -d '{
  "batch": [
    {"type": "identify", "userId": "user-1", "traits": {"email": "anna@example.com"}},
    {"type": "track", "userId": "user-1", "event": "Order Completed", "properties": {"revenue": 42.5}}
  ]
}'"""

_ALL = (
    ("script", "Web page", "Our own script, 4 KB on the wire, without any library", _SCRIPT),
    ("browser", "Web page with a bundler", "npm install @segment/analytics-next", _BROWSER),
    ("node", "Node", "npm install @segment/analytics-node", _NODE),
    ("python", "Python", "pip install segment-analytics-python", _PYTHON),
    ("curl", "curl", "Any language that can send HTTP", _CURL),
)


def snippets(*, write_key: str, host: str, cookie: bool) -> list[Snippet]:
    """All snippets for one source; `host` is this installation as a browser sees it, such as `https://cdp.example.com`.
    `cookie`: whether the script asks for the visitor cookie."""
    protocol, _, bare = host.partition("://")
    values = {
        "key": write_key,
        "host": host,
        "bare": bare,
        "protocol": protocol,
        "cookie": ' data-cookie="yes"' if cookie else "",
    }
    return [Snippet(key, label, hint, Template(text).substitute(values)) for key, label, hint, text in _ALL]

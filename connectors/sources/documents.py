"""The settings documents that browser and mobile libraries ask for before they send. Pure.

Shapes as the libraries need them: Segment's `/v1/projects/<key>/settings` and RudderStack's `/sourceConfig/`.
"""

from connectors.sources.contracts import SourceView


def segment_settings(source: SourceView, *, host: str, scheme: str) -> dict[str, object]:
    """What analytics-next and the React Native library read. `Segment.io` must be there with `apiKey` and `apiHost`,
    or events go to the vendor; `sampleRate` 0, or the library posts its own metrics to the vendor."""
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": source.write_key,
                "apiHost": f"{host}/v1",
                "protocol": scheme,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
            }
        },
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0, "host": f"{host}/v1"},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }


def rudder_source_config(source: SourceView) -> dict[str, object]:
    """What @rudderstack/analytics-js reads; without an id, a config and a list of destinations it stays silent."""
    quiet = {"enabled": False}
    return {
        "source": {
            "id": str(source.id),
            "name": source.name,
            "writeKey": source.write_key,
            "enabled": source.enabled,
            "workspaceId": "cdp",
            "config": {"statsCollection": {"errors": quiet, "metrics": quiet}},
            "destinations": [],
            "updatedAt": source.created_at.isoformat(),
        }
    }

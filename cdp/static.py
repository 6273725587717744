"""How static files get their address."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedOrPlainStorage(CompressedManifestStaticFilesStorage):
    """Hashed names after `collectstatic` (the container image), plain names before it (a laptop, the tests).

    Source maps are left alone: vendored files name maps that are not shipped, and Django would refuse them all.
    """

    manifest_strict = False
    patterns = (("*.css", (r"""(?P<matched>url\(['"]{0,1}\s*(?P<url>.*?)["']{0,1}\))""",)),)

    def stored_name(self, name: str) -> str:
        try:
            return str(super().stored_name(name))
        except ValueError:
            # Not collected: whitenoise serves it by its plain name.
            return name

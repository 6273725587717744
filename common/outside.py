"""What this installation permits towards the outside world, read from the settings in one place."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class OutsideSettings:
    """Hosts and networks that may be called although they are private, where files are dropped and looked
    for, and how long a page waits for what its slots show."""

    allow: tuple[str, ...]
    drop_folder: Path
    watch_folder: Path
    redis_url: str
    personalise_seconds: float


def outside_settings() -> OutsideSettings:
    """The operator's choice: CDP_OUTBOUND_ALLOW (hosts, `*.suffix`, addresses, CIDRs), CDP_DROP_FOLDER and
    CDP_WATCH_FOLDER."""
    folder = getattr(settings, "DROP_FOLDER", None) or Path(settings.DATA_FOLDER) / "drops"
    return OutsideSettings(
        allow=tuple(getattr(settings, "OUTBOUND_ALLOW", ())),
        drop_folder=Path(folder),
        watch_folder=Path(getattr(settings, "WATCH_FOLDER", None) or Path(settings.DATA_FOLDER) / "watched"),
        redis_url=str(getattr(settings, "REDIS_URL", "")),
        personalise_seconds=float(getattr(settings, "PERSONALISE_SECONDS", 0.25)),
    )

"""What an order is here: read and kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from common import audit
from insights.contracts import OrderSetting, SettingView
from insights.models import Setting


def setting() -> SettingView:
    """The setting in force; the defaults when nobody chose."""
    row = Setting.objects.filter(pk=1).first()
    if row is None:
        return SettingView(OrderSetting(), "", None)
    return SettingView(OrderSetting.from_json(row.orders), row.changed_by, row.changed_at)


@transaction.atomic
def keep_setting(told: Mapping[str, Any], *, by: str, now: datetime, via: str = "ui") -> SettingView:
    """Say what an order is; what is left out keeps its value. Raises BadSetting. The next run looks at all anew."""
    before = setting().orders.to_json()
    orders = OrderSetting.from_json({**before, **told})
    if orders.to_json() != before:
        Setting.objects.update_or_create(
            pk=1, defaults={"orders": orders.to_json(), "changed_by": by, "changed_at": now}
        )
        audit.record(
            actor=by, via=via, action="insights.orders", object_type="insights", object_id="orders", at=now,
            summary="Said what an order is", before=before, after=orders.to_json(),
        )  # fmt: skip
    return setting()

"""One example a vendor and action. Each gets the whole of test_every_vendor.py."""

from tests.connectors.vendors import (
    braze,
    customerio,
    google,
    hubspot,
    iterable,
    klaviyo,
    linkedin,
    mailchimp,
    marketo,
    meta,
    sendgrid,
    tiktok,
    tracking,
)
from tests.connectors.vendors.vendor import Example

_MODULES = (
    braze, customerio, google, hubspot, iterable, klaviyo, linkedin, mailchimp, marketo, meta, sendgrid, tiktok,
)  # fmt: skip

EXAMPLES: list[Example] = [*(one.EXAMPLE for one in _MODULES), *tracking.EXAMPLES]

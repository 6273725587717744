"""One example a vendor. Each gets the whole of test_every_vendor.py."""

from tests.connectors.vendors import braze, customerio, hubspot, iterable, klaviyo, mailchimp, meta, sendgrid
from tests.connectors.vendors.vendor import Example

EXAMPLES: list[Example] = [
    one.EXAMPLE for one in (braze, customerio, hubspot, iterable, klaviyo, mailchimp, meta, sendgrid)
]

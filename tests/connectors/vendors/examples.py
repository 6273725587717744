"""One example a vendor. Each gets the whole of test_every_vendor.py."""

from tests.connectors.vendors import braze, customerio, iterable, sendgrid
from tests.connectors.vendors.vendor import Example

EXAMPLES: list[Example] = [braze.EXAMPLE, customerio.EXAMPLE, iterable.EXAMPLE, sendgrid.EXAMPLE]

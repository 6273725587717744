"""One example a vendor. Each gets the whole of test_every_vendor.py."""

from tests.connectors.vendors import iterable
from tests.connectors.vendors.vendor import Example

EXAMPLES: list[Example] = [iterable.EXAMPLE]

"""The destinations there are. To add one, write its package and put it here."""

from connectors.destinations.braze.destination import braze
from connectors.destinations.customerio.destination import customerio
from connectors.destinations.filedrop.destination import filedrop
from connectors.destinations.iterable.destination import iterable
from connectors.destinations.kit import Destination
from connectors.destinations.sendgrid.destination import sendgrid
from connectors.destinations.webhook.destination import webhook

DESTINATIONS: dict[str, Destination] = {
    kind.slug: kind for kind in (webhook, filedrop, braze, customerio, iterable, sendgrid)
}

"""The destinations there are. To add one, write its package and put it here."""

from connectors.destinations.braze.destination import braze
from connectors.destinations.customerio.destination import customerio
from connectors.destinations.filedrop.destination import filedrop
from connectors.destinations.hubspot.destination import hubspot
from connectors.destinations.iterable.destination import iterable
from connectors.destinations.kit import Destination
from connectors.destinations.klaviyo.destination import klaviyo
from connectors.destinations.mailchimp.destination import mailchimp
from connectors.destinations.meta.destination import meta
from connectors.destinations.sendgrid.destination import sendgrid
from connectors.destinations.webhook.destination import webhook

_KINDS = (webhook, filedrop, braze, customerio, hubspot, iterable, klaviyo, mailchimp, meta, sendgrid)

DESTINATIONS: dict[str, Destination] = {kind.slug: kind for kind in _KINDS}

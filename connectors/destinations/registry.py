"""The destinations there are. To add one, write its package and put it here."""

from connectors.destinations.braze.destination import braze
from connectors.destinations.customerio.destination import customerio
from connectors.destinations.filedrop.destination import filedrop
from connectors.destinations.google.destination import google
from connectors.destinations.hubspot.destination import hubspot
from connectors.destinations.iterable.destination import iterable
from connectors.destinations.kafka.destination import kafka
from connectors.destinations.kit import Destination
from connectors.destinations.klaviyo.destination import klaviyo
from connectors.destinations.linkedin.destination import linkedin
from connectors.destinations.mailchimp.destination import mailchimp
from connectors.destinations.marketo.destination import marketo
from connectors.destinations.meta.destination import meta
from connectors.destinations.postgres.destination import postgres
from connectors.destinations.s3.destination import s3
from connectors.destinations.sendgrid.destination import sendgrid
from connectors.destinations.sftp.destination import sftp
from connectors.destinations.snowflake.destination import snowflake
from connectors.destinations.tiktok.destination import tiktok
from connectors.destinations.tracking.destination import tracking
from connectors.destinations.webhook.destination import webhook

_KINDS = (
    webhook, filedrop, s3, sftp, postgres, snowflake, kafka, tracking, braze, customerio, google, hubspot, iterable,
    klaviyo, linkedin, mailchimp, marketo, meta, sendgrid, tiktok,
)  # fmt: skip

DESTINATIONS: dict[str, Destination] = {kind.slug: kind for kind in _KINDS}

"""What others may read."""

from campaigns.bandits.selectors import bandit, bandit_report, bandits
from campaigns.experiments.selectors import experiment, experiments, experiments_of_segment, results
from campaigns.journeys.examples import EXAMPLES
from campaigns.journeys.results import campaign_results
from campaigns.journeys.selectors import (
    campaign,
    campaign_seed,
    campaign_versions,
    campaigns,
    campaigns_of_segment,
    instances,
    signing_secret,
    states,
    stopping,
)
from campaigns.journeys.stepping import outline
from campaigns.messages.selectors import template, template_names, template_version, template_versions, templates
from campaigns.personalise.selectors import slot, slot_versions, slots, slots_of_segment
from campaigns.sending.selectors import (
    channel_views,
    groups,
    inbox,
    providers_of,
    send,
    send_counts,
    sending_policy,
    sends,
    sends_of,
    suppressed_contacts,
    vapid_public,
)

__all__ = [
    "EXAMPLES", "bandit", "bandit_report", "bandits", "campaign", "campaign_results", "campaign_seed",
    "campaign_versions", "campaigns", "campaigns_of_segment", "channel_views", "experiment", "experiments",
    "experiments_of_segment", "groups", "inbox", "instances", "outline", "providers_of", "results", "send",
    "send_counts", "sending_policy", "sends", "sends_of", "signing_secret", "slot", "slot_versions", "slots",
    "slots_of_segment", "states",
    "stopping", "suppressed_contacts", "template", "template_names", "template_version", "template_versions",
    "templates", "vapid_public",
]  # fmt: skip

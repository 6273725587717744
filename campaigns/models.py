"""All tables of this app."""

from campaigns.bandits.models import Bandit, BanditCount
from campaigns.experiments.models import Experiment, ExperimentResult
from campaigns.journeys.models import Campaign, CampaignVersion, Instance, Occurrence, Passage, Trigger
from campaigns.messages.models import Template, TemplateVersion
from campaigns.personalise.models import Slot, SlotVersion
from campaigns.sending.models import (
    PushSubscription,
    Send,
    SendingChannel,
    SendingPolicy,
    SubscriptionGroup,
    SuppressedContact,
)

__all__ = [
    "Bandit", "BanditCount", "Campaign", "CampaignVersion", "Experiment", "ExperimentResult", "Instance", "Occurrence",
    "Passage", "PushSubscription", "Send", "SendingChannel", "SendingPolicy", "Slot", "SlotVersion",
    "SubscriptionGroup", "SuppressedContact", "Template", "TemplateVersion", "Trigger",
]  # fmt: skip

"""What others may have done."""

from campaigns.bandits.services import change_bandit, create_bandit, learn_bandits
from campaigns.experiments.deciding import decide
from campaigns.experiments.services import (
    analyse,
    analyse_due,
    change_experiment,
    create_experiment,
    create_holdout,
    people_needed,
    start_experiment,
    stop_experiment,
)
from campaigns.journeys.erasing import erase_journeys
from campaigns.journeys.listening import note_events
from campaigns.journeys.outside import make_calls
from campaigns.journeys.running import run_campaigns
from campaigns.journeys.services import (
    approve_campaign,
    audience_of,
    begin_example,
    change_campaign,
    create_campaign,
    decline_campaign,
    expect_ready,
    next_times,
    pause_campaign,
    resume_campaign,
    start_campaign,
    stop_campaign,
)
from campaigns.journeys.stepping import insert_step, keep_step, raise_step, remove_step
from campaigns.journeys.trying import try_campaign
from campaigns.messages.services import add_version, archive_template, create_template, preview, publish_template
from campaigns.personalise.deciding import Decider, let_go, personalise, slots_known
from campaigns.personalise.services import as_json, change_slot, create_slot, delete_slot, restore_slot
from campaigns.sending.accounts import keep_channel, switch_channel
from campaigns.sending.browsers import subscribe_browser
from campaigns.sending.claiming import channels_due
from campaigns.sending.erasing import erase
from campaigns.sending.handing import send_due
from campaigns.sending.policies import InvalidPolicy, change_policy, keep_group
from campaigns.sending.preferring import choose, leave, note_clicked, note_opened, preferences
from campaigns.sending.queueing import queue_sends
from campaigns.sending.receipts import take_mails, take_status
from campaigns.sending.statuses import StatusCall, UnsignedStatus
from campaigns.sending.steering import allow_contact, cancel_send, retry_send, send_message, send_test
from campaigns.sending.tokens import choose_address, read_click

__all__ = [
    "Decider", "InvalidPolicy", "StatusCall", "UnsignedStatus", "add_version", "allow_contact", "analyse",
    "analyse_due", "approve_campaign", "archive_template", "as_json", "audience_of", "begin_example", "cancel_send",
    "change_bandit", "change_campaign", "change_experiment", "change_policy", "change_slot", "channels_due", "choose",
    "choose_address", "create_bandit", "create_campaign", "create_experiment", "create_holdout", "create_slot",
    "create_template", "decide", "decline_campaign", "delete_slot", "erase", "erase_journeys", "expect_ready",
    "insert_step", "keep_channel", "keep_group", "keep_step", "learn_bandits", "leave", "let_go", "make_calls",
    "next_times", "note_clicked", "note_events", "note_opened", "pause_campaign", "people_needed", "personalise",
    "preferences", "preview", "publish_template", "queue_sends", "raise_step", "read_click", "remove_step",
    "restore_slot", "resume_campaign", "retry_send", "run_campaigns", "send_due", "send_message", "send_test",
    "slots_known", "start_campaign", "start_experiment", "stop_campaign", "stop_experiment", "subscribe_browser",
    "switch_channel", "take_mails", "take_status", "try_campaign",
]  # fmt: skip

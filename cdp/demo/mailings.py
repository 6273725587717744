"""E-mail engagement: real mailings and real redemptions, with openings and clicks drawn around them. Pure.

Who of a household was written to is drawn; that the campaign was sent to that household, and when, is the data's.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from cdp.demo.messages import Message, at_noon, external_id, track
from cdp.demo.online import account_email
from cdp.demo.people import Person
from cdp.demo.shopping import FIRST_DAY, Household, Mailing

_OPENED = 0.38
_CLICKED = 0.3


def mailing_messages(household: Household, members: Sequence[Person], rng: Random) -> Iterator[Message]:
    """What the e-mail system reports of every campaign sent to this household."""
    readers = [one for one in members if one.emails and one.subscribed]
    if not readers:
        return
    addressee = rng.choices(readers, weights=[one.share for one in readers])[0]
    # The e-mail system knows the account of most, and only the address of the others; it keeps what it has.
    knows_account = bool(addressee.user_id) and rng.random() < 0.6
    address = rng.choice(addressee.emails)
    redeemed = {redemption.campaign_id for redemption in household.redemptions}
    for mailing in household.mailings:
        if mailing.starts < FIRST_DAY:
            continue
        answered = mailing.campaign_id in redeemed
        for event, at in _what_happens(mailing, answered=answered, rng=rng):
            who = _who(addressee, at, address=address, knows_account=knows_account)
            yield Message("email", at, addressee.key, track(event, _about(mailing), **who))


def redemption_messages(household: Household, members: Sequence[Person], rng: Random) -> Iterator[Message]:
    """Coupons handed in at the till by whoever of the household has a card."""
    holders = [one for one in members if one.loyalty_ids]
    if not holders:
        return
    holder = rng.choices(holders, weights=[one.share for one in holders])[0]
    for number, redemption in enumerate(household.redemptions):
        body = track(
            "Coupon Redeemed",
            {"coupon": redemption.coupon, "campaign_id": redemption.campaign_id},
            context={"externalIds": [external_id("loyalty_id", rng.choice(holder.loyalty_ids))]},
        )
        yield Message("offline", at_noon(redemption.on, plus=timedelta(minutes=number % 300)), holder.key, body)


def _what_happens(mailing: Mailing, *, answered: bool, rng: Random) -> list[tuple[str, datetime]]:
    sent = at_noon(mailing.starts, plus=timedelta(minutes=rng.randrange(-180, 180)))
    happened = [("Email Sent", sent)]
    if answered or rng.random() < _OPENED:
        opened = sent + timedelta(minutes=rng.randrange(2, 60 * 12))
        happened.append(("Email Opened", opened))
        if answered or rng.random() < _CLICKED:
            happened.append(("Email Link Clicked", opened + timedelta(seconds=rng.randrange(5, 180))))
    return happened


def _about(mailing: Mailing) -> dict[str, Any]:
    return {"campaign_id": mailing.campaign_id, "campaign_type": mailing.campaign_type}


def _who(addressee: Person, at: datetime, *, address: str, knows_account: bool) -> dict[str, Any]:
    if knows_account:
        return {"userId": addressee.user_id, "context": {"externalIds": [_address(account_email(addressee, at))]}}
    return {"context": {"externalIds": [_address(address)]}}


def _address(email: str) -> dict[str, Any]:
    return external_id("email", email)

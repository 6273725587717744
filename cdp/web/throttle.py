"""How often one may try to sign in: counted in the cache, by address of the account and by address of the network."""

import hashlib

from django.core.cache import cache

WINDOW_SECONDS = 15 * 60
PER_ACCOUNT = 6
PER_NETWORK = 30


def may_try(email: str, network: str) -> bool:
    """Whether this try may go on. A refused try still counts, so that patience alone does not help."""
    counts = cache.get_many([_account(email), _network(network)])
    return int(counts.get(_account(email), 0)) < PER_ACCOUNT and int(counts.get(_network(network), 0)) < PER_NETWORK


def note_failure(email: str, network: str) -> None:
    """Count one failed try."""
    for key in (_account(email), _network(network)):
        if not cache.add(key, 1, WINDOW_SECONDS):
            cache.incr(key)


def forget(email: str) -> None:
    """The account's tries are forgotten once the right password came."""
    cache.delete(_account(email))


def _account(email: str) -> str:
    # Hashed: the cache must not become a list of addresses.
    return "sign_in:account:" + hashlib.sha256(email.encode()).hexdigest()


def _network(network: str) -> str:
    return "sign_in:network:" + hashlib.sha256(network.encode()).hexdigest()

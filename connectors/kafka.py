"""How Kafka's client is set up and what its errors mean, for reading and for writing."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError

from connectors.destinations.errors import DeliveryError, InvalidCredentials, InvalidPayload, Misconfigured, Temporary
from connectors.destinations.kit import Field, Outside

SETTINGS = {
    "servers": Field(label="Bootstrap servers", required=True, help="host:port, with commas between."),
    "protocol": Field(
        label="Protocol", type="choice", default="SASL_SSL",
        choices=(
            ("SASL_SSL", "TLS, with a user"), ("SSL", "TLS"), ("SASL_PLAINTEXT", "User, no TLS"),
            ("PLAINTEXT", "Neither"),
        ),
        help="Without TLS only hosts that the operator has listed are called.",
    ),
    "mechanism": Field(
        label="Mechanism", type="choice", default="SCRAM-SHA-512",
        choices=(("SCRAM-SHA-512", "SCRAM-SHA-512"), ("SCRAM-SHA-256", "SCRAM-SHA-256"), ("PLAIN", "PLAIN")),
    ),
    "user": Field(label="User", default=""),
    "password": Field(label="Password", secret=True),
}  # fmt: skip

_NO_ACCESS = (
    KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED,
)  # fmt: skip
_WRONG = (
    KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_EXCEPTION,
    KafkaError._UNKNOWN_PARTITION,
)  # fmt: skip
_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_MSG_SIZE)


def client_config(
    outside: Outside, settings: Mapping[str, Any], secrets: Mapping[str, str], *, seconds: float
) -> dict[str, Any]:  # fmt: skip
    """What both kinds of clients are told, after the servers were found to be ones that may be called.

    Raises Misconfigured or Temporary.
    """
    protocol = str(settings.get("protocol") or "SASL_SSL")
    config: dict[str, Any] = {
        "bootstrap.servers": _checked_servers(outside, str(settings["servers"]), plain="SSL" not in protocol),
        "security.protocol": protocol,
        "client.id": "cdp",
        "socket.timeout.ms": max(int(seconds * 1000), 1_000),
        "log_level": 0,
    }
    if "SASL" in protocol:
        config |= {
            "sasl.mechanism": settings.get("mechanism") or "SCRAM-SHA-512",
            "sasl.username": settings.get("user", ""),
            "sasl.password": secrets.get("password", ""),
        }
    return config


def _checked_servers(outside: Outside, servers: str, *, plain: bool) -> str:
    """The bootstrap servers; each must be one that may be called. (Whom they advertise is Kafka's own affair.)"""
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdigit():
            raise Misconfigured("Name the servers as host:port, with commas between.", code="kafka_servers")
        outside.addresses(host.strip("[]"), int(port), plain=plain)
    return servers


def meaning(error: KafkaError) -> DeliveryError:
    """What an error of the client says about the account, the topic, or the moment."""
    code, word = error.code(), f"kafka_{error.name().strip('_').lower()}"
    if code in _NO_ACCESS:
        return InvalidCredentials(f"Kafka refuses the user: {error.name()}.", code=word)
    if code in _WRONG:
        return Misconfigured(f"Kafka does not take the topic: {error.name()}.", code=word)
    if code in _TOO_LARGE:
        return InvalidPayload(f"Kafka does not take this message: {error.name()}.", code=word)
    return Temporary(f"Kafka did not do it: {error.name()}.", code=word)

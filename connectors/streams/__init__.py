"""Streams: items out of Kafka topics, their offsets committed with them."""

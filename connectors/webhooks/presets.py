"""Mappings for senders that many have. Each from the sender's own documentation; change them as you like."""

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # https://shopify.dev/docs/api/webhooks?reference=toml#list-of-topics-orders/create
    "shopify": {
        "label": "Shopify: orders",
        "signature": {"scheme": "hmac", "header": "X-Shopify-Hmac-Sha256", "encoding": "base64", "prefix": ""},
        "mapping": {
            "rules": [{
                "when": "cancelled_at", "event": "'Order Cancelled'",
                "ids": {"email": "email", "phone": "phone", "shopify_id": "customer.id"}, "time": "cancelled_at",
                "id": "join('-', [to_string(id), 'cancelled'])",
                "properties": {"order_id": "to_string(id)", "reason": "cancel_reason"},
            }, {
                "event": "'Order Completed'",
                "ids": {"email": "email", "phone": "phone", "shopify_id": "customer.id"}, "time": "created_at",
                "id": "join('-', [to_string(id), 'created'])",
                "properties": {
                    "order_id": "to_string(id)", "revenue": "total_price", "currency": "currency",
                    "products": "line_items[].{product_id: product_id, name: title, quantity: quantity, price: price}",
                },
            }],
        },
    },
    # https://docs.stripe.com/api/events/object
    "stripe": {
        "label": "Stripe: events",
        "signature": {"scheme": "stripe"},
        "mapping": {
            "rules": [{
                "when": "type == 'customer.created' || type == 'customer.updated'", "type": "identify",
                "ids": {"stripe_id": "data.object.id", "email": "data.object.email", "phone": "data.object.phone"},
                "time": "created", "id": "id", "traits": {"name": "data.object.name"},
            }, {
                "event": "type", "ids": {"stripe_id": "data.object.customer", "email": "data.object.customer_email"},
                "time": "created", "id": "id",
                "properties": {
                    "amount": "data.object.amount_paid || data.object.amount", "currency": "data.object.currency",
                    "status": "data.object.status",
                },
            }],
        },
    },
    # https://www.typeform.com/developers/webhooks/example-payload/
    "typeform": {
        "label": "Typeform: answers",
        "signature": {"scheme": "hmac", "header": "Typeform-Signature", "encoding": "base64", "prefix": "sha256="},
        "mapping": {
            "rules": [{
                "event": "'Form Submitted'",
                "ids": {"email": "form_response.answers[?type=='email'].email | [0]",
                        "phone": "form_response.answers[?type=='phone_number'].phone_number | [0]",
                        "user_id": "form_response.hidden.user_id"},
                "time": "form_response.submitted_at", "id": "event_id",
                "properties": {"form_id": "form_response.form_id", "score": "form_response.calculated.score"},
            }],
        },
    },
}  # fmt: skip

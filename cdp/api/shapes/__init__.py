"""What goes in and out, as serializers: they validate, they shape, and the OpenAPI document is made from them."""

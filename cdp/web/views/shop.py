"""The demo's shop: open to everybody as websites are, and only where the demo has been played."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as django_render

from cdp.demo.storefront import GOODS, write_key


def shop(request: HttpRequest) -> HttpResponse:
    """A page with three slots, filled by `cdp.js` as on any website."""
    key = write_key()
    if key is None:
        raise Http404("The shop is a part of the demo.")
    response = django_render(request, "shop/shop.html", {"goods": GOODS, "key": key})
    response.headers["Cache-Control"] = "no-store"
    return response

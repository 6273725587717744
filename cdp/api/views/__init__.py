"""One module per resource. A view reads the request, calls one door, and shapes the answer."""

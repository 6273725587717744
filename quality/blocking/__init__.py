"""Blocking a class of personal data: what is found in properties where nobody planned it."""

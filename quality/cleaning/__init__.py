"""Cleaning: values brought into one form, checked, and put right or set aside; what was there before is kept."""

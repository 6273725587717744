"""Custom Audiences of Meta."""

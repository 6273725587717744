"""The REST API for channels and developers: `/api/v1/`, its documents and its problem pages."""

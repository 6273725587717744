"""The project and composition root: settings, addresses, Celery, the pipeline, the web shell and the process runner."""

__version__ = "0.1.0"

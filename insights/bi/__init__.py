"""Views for BI tools in a schema of their own, and the role that reads them and nothing else."""

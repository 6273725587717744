"""`manage.py bi_role`: the views of the schema `bi`, and a role that reads them and nothing else."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import clock
from insights import services
from insights.contracts import BiProblem


class Command(BaseCommand):
    help = "Make or refresh the views for BI tools and their role. Run it again after each upgrade."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--role", default=services.BI_ROLE, help="its name (default: %(default)s)")
        parser.add_argument("--new-password", action="store_true", help="give an existing role another password")

    def handle(self, *args: Any, role: str, new_password: bool, **options: Any) -> None:
        try:
            password = services.install_bi(by="command line", now=clock.now(), role=role, new_password=new_password)
        except BiProblem as problem:
            raise CommandError(str(problem)) from None
        told = f"password  {password} (shown once)" if password else "password  as it was"
        self.stdout.write(f"schema    {services.BI_SCHEMA}\nrole      {role}\n{told}")

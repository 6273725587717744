"""A trigger that keeps the audit log append-only."""

from django.db import migrations

FORWARD = """
create function common_audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only';
end $$;
create trigger common_audit_append_only before update or delete on common_auditentry
    for each statement execute function common_audit_is_append_only();
"""
BACKWARD = """
drop trigger common_audit_append_only on common_auditentry;
drop function common_audit_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("common", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

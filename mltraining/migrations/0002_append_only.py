"""History is history for SQL as well: rows are added, never changed or deleted. Only the person's name may leave with the person."""

from __future__ import annotations

from django.db import migrations

TABLES = ("modeltransition", "experimenttransition", "experimentlook")
FUNCTION = """
CREATE FUNCTION mltraining_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'user_id' = to_jsonb(OLD) - 'user_id' AND to_jsonb(NEW) -> 'user_id' = 'null'::jsonb THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""
TRIGGER = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON mltraining_{table}
FOR EACH ROW EXECUTE FUNCTION mltraining_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("mltraining", "0001_initial")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION mltraining_append_only()"),
        *(
            migrations.RunSQL(TRIGGER.format(table=table), f"DROP TRIGGER append_only ON mltraining_{table}")
            for table in TABLES
        ),
    ]

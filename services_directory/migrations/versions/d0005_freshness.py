"""Review cycles, limits of age, reminders and their links, what parents and providers report, quick acts, translations."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from services_directory.triggers import unwatch, watch

revision: str = "d0005"
down_revision: str | Sequence[str] | None = "d0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
WATCHED = "directory_age_limit"


def _of(table: str, column: str, owner: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_directory_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"directory_{owner}.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.add_column("directory_service", sa.Column("full_since", sa.Date(), nullable=True))
    op.create_table(
        "directory_review_cycle",
        sa.Column("organisation_id", sa.String(36), nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.CheckConstraint("days >= 1", name=op.f("ck_directory_review_cycle_days")),
        _of("review_cycle", "organisation_id", "organisation"),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_directory_review_cycle")),
    )
    op.create_table(
        "directory_age_limit",
        sa.Column("area_id", sa.String(36), nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.CheckConstraint("days >= 1", name=op.f("ck_directory_age_limit_days")),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_directory_age_limit")),
    )
    op.create_table(
        "directory_reminder",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("organisation_id", sa.String(36), nullable=False),
        sa.Column("begun_on", sa.Date, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("tried_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT),
        sa.CheckConstraint("number IN (1, 2)", name=op.f("ck_directory_reminder_number")),
        _of("reminder", "organisation_id", "organisation"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_reminder")),
        sa.UniqueConstraint("organisation_id", "begun_on", "number", name=op.f("uq_directory_reminder_organisation_id")),
    )
    op.create_index(op.f("ix_directory_reminder_organisation_id"), "directory_reminder", ["organisation_id"])
    op.create_index(op.f("ix_directory_reminder_state"), "directory_reminder", ["state"])
    op.create_table(
        "directory_check_link",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("service_id", sa.String(36), nullable=False),
        sa.Column("reminder_id", sa.String(36), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        sa.Column("outcome", sa.String(10)),
        _of("check_link", "service_id", "service"),
        _of("check_link", "reminder_id", "reminder"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_check_link")),
    )
    op.create_index(op.f("ix_directory_check_link_service_id"), "directory_check_link", ["service_id"])
    op.create_index(op.f("ix_directory_check_link_reminder_id"), "directory_check_link", ["reminder_id"])
    op.create_table(
        "directory_provider_note",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("service_id", sa.String(36), nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT),
        sa.Column("settled_by", sa.Text),
        _of("provider_note", "service_id", "service"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_provider_note")),
    )
    op.create_index(op.f("ix_directory_provider_note_service_id"), "directory_provider_note", ["service_id"])
    op.create_table(
        "directory_parent_report",
        sa.Column("service_id", sa.String(36), nullable=False),
        sa.Column("reason", sa.String(10), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("first_on", sa.Date, nullable=False),
        sa.Column("last_on", sa.Date, nullable=False),
        sa.CheckConstraint(
            "reason IN ('', 'closed', 'moved', 'phone', 'full', 'other')", name=op.f("ck_directory_parent_report_reason")
        ),
        sa.CheckConstraint("count >= 0", name=op.f("ck_directory_parent_report_count")),
        _of("parent_report", "service_id", "service"),
        sa.PrimaryKeyConstraint("service_id", "reason", name=op.f("pk_directory_parent_report")),
    )
    op.create_table(
        "directory_quick_act",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("service_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON, nullable=False),
        sa.Column("author_id", sa.Integer),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("undone_at", MOMENT),
        sa.Column("undone_by", sa.Text),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_quick_act")),
    )
    op.create_index("ix_directory_quick_act_service_at", "directory_quick_act", ["service_id", "at"])
    op.create_table(
        "directory_translation",
        sa.Column("service_id", sa.String(36), nullable=False),
        sa.Column("language", sa.String(20), nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("set_by", sa.Text, nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        _of("translation", "service_id", "service"),
        sa.PrimaryKeyConstraint("service_id", "language", name=op.f("pk_directory_translation")),
    )
    watch(op.get_bind(), WATCHED)


def downgrade() -> None:
    unwatch(op.get_bind(), WATCHED)
    for table in (
        "translation", "quick_act", "parent_report", "provider_note", "check_link", "reminder", "age_limit", "review_cycle",
    ):  # fmt: skip
        op.drop_table(f"directory_{table}")
    op.drop_column("directory_service", "full_since")

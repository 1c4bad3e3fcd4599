"""Extra and cancelled dates, bank holidays, term time, and which record each revision changed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from services_directory.changes import note_changes, note_no_changes
from services_directory.triggers import unwatch, watch

revision: str = "d0002"
down_revision: str | Sequence[str] | None = "d0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What is noted for each table, as it was at this version: (kind of record, column, condition).
OF_SERVICE = ("service", "service_id", "")
EVERYTHING = ("everything", "''", "")
NOTED = {
    "directory_service": ("service", "id", ""),
    "directory_service_mode": OF_SERVICE,
    "directory_service_at_location": OF_SERVICE,
    "directory_schedule": OF_SERVICE,
    "directory_exception": OF_SERVICE,
    "directory_language": OF_SERVICE,
    "directory_cost_option": OF_SERVICE,
    "directory_service_area": OF_SERVICE,
    "directory_attribute": ("service", "link_id", "link_entity = 'service'"),
    "directory_location": ("location", "id", ""),
    "directory_address": ("location", "location_id", ""),
    "directory_accessibility": ("location", "location_id", ""),
    "directory_organisation": ("organisation", "id", ""),
    "directory_outcode_points": EVERYTHING,
    "directory_place_alias": EVERYTHING,
    "directory_taxonomy": EVERYTHING,
    "directory_taxonomy_term": EVERYTHING,
}


def upgrade() -> None:
    for column in ("open_on_bank_holidays", "term_time_only"):
        op.add_column("directory_service", sa.Column(column, sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "directory_exception",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("schedule_id", sa.String(length=36), nullable=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("opens_at", sa.Time(), nullable=True),
        sa.Column("closes_at", sa.Time(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('cancelled', 'extra')", name=op.f("ck_directory_exception_kind")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["directory_schedule.id"], name=op.f("fk_directory_exception_schedule_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["directory_service.id"], name=op.f("fk_directory_exception_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_exception")),
    )
    op.create_index(op.f("ix_directory_exception_schedule_id"), "directory_exception", ["schedule_id"])
    op.create_index(op.f("ix_directory_exception_service_id"), "directory_exception", ["service_id"])
    op.create_table(
        "directory_change",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "record_id", name=op.f("pk_directory_change")),
    )
    op.create_index(op.f("ix_directory_change_revision"), "directory_change", ["revision"])
    op.create_table(
        "directory_outcode_points",
        sa.Column("outcode", sa.String(length=4), nullable=False),
        sa.Column("points", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("outcode", name=op.f("pk_directory_outcode_points")),
    )
    watch(op.get_bind(), "directory_exception")
    watch(op.get_bind(), "directory_outcode_points")
    for table, (kind, column, condition) in NOTED.items():
        note_changes(op.get_bind(), table, kind, column, condition)


def downgrade() -> None:
    for table in NOTED:
        note_no_changes(op.get_bind(), table)
    unwatch(op.get_bind(), "directory_exception")
    unwatch(op.get_bind(), "directory_outcode_points")
    op.drop_table("directory_outcode_points")
    op.drop_table("directory_change")
    op.drop_table("directory_exception")
    op.drop_column("directory_service", "term_time_only")
    op.drop_column("directory_service", "open_on_bank_holidays")

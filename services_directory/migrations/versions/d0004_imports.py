"""What feeds last said, questions that imports raised, and files that wait for a yes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from services_directory.triggers import unwatch, watch

revision: str = "d0004"
down_revision: str | Sequence[str] | None = "d0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("directory_imported_form", "directory_term_question", "directory_merge_question", "directory_waiting_import")


def upgrade() -> None:
    op.create_table(
        "directory_imported_form",
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('organisation', 'location', 'service')", name=op.f("ck_directory_imported_form_kind")),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_directory_imported_form")),
    )
    _question("directory_term_question", "code", sa.String(length=200), "'open', 'yes', 'no'")
    _question("directory_merge_question", "other_id", sa.String(length=36), "'open', 'same', 'different'")
    op.create_table(
        "directory_waiting_import",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("area_id", sa.String(length=36), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("brought_by", sa.String(length=100), nullable=True),
        sa.Column("brought_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'applying', 'applied', 'failed')", name=op.f("ck_directory_waiting_import_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_waiting_import")),
    )
    op.create_index(op.f("ix_directory_waiting_import_area_id"), "directory_waiting_import", ["area_id"])
    for table in TABLES:
        watch(op.get_bind(), table)


def _question(table: str, column: str, kind: sa.types.TypeEngine, states: str) -> None:
    """Create a table of questions about a service; ``column`` is what is asked about it."""
    service = [
        sa.ForeignKeyConstraint(
            ["service_id"], ["directory_service.id"], name=op.f(f"fk_{table}_service_id"), ondelete="CASCADE"
        )
    ]
    if column == "other_id":
        service.append(
            sa.ForeignKeyConstraint(
                ["other_id"], ["directory_service.id"], name=op.f(f"fk_{table}_other_id"), ondelete="CASCADE"
            )
        )
    op.create_table(
        table,
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column(column, kind, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_by", sa.String(length=100), nullable=True),
        sa.CheckConstraint(f"state IN ({states})", name=op.f(f"ck_{table}_state")),
        *service,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("service_id", column, name=op.f(f"uq_{table}_service_id")),
    )
    op.create_index(op.f(f"ix_{table}_service_id"), table, ["service_id"])
    op.create_index(op.f(f"ix_{table}_state"), table, ["state"])
    if column == "other_id":
        op.create_index(op.f(f"ix_{table}_other_id"), table, ["other_id"])


def downgrade() -> None:
    for table in reversed(TABLES):
        unwatch(op.get_bind(), table)
        op.drop_table(table)

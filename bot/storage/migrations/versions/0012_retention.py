"""retention: holds on cases, what remains of deleted ones, a record of each night, tombstones of who was forgotten, and what staff checked"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("person", sa.Column("receipt", sa.String(length=64), nullable=True))
    op.add_column("person", sa.Column("quiet_until", MOMENT, nullable=True))
    op.create_table(
        "tombstone",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("receipt", sa.String(length=64), nullable=True),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tombstone")),
    )
    op.create_index(op.f("ix_tombstone_receipt"), "tombstone", ["receipt"])
    op.create_index(op.f("ix_tombstone_ends_at"), "tombstone", ["ends_at"])
    op.create_table(
        "case_hold",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("case_id", BIG_ID, nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("until", MOMENT, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("lifted_at", MOMENT, nullable=True),
        sa.Column("lifted_by", BIG_ID, nullable=True),
        sa.Column("lifted_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["handoff_case.id"], name=op.f("fk_case_hold_case_id_handoff_case"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_hold")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_case_hold_case_id"), "case_hold", ["case_id"])
    op.create_table(
        "rights_check",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("case_id", BIG_ID, nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=True),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("copied_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["handoff_case.id"], name=op.f("fk_rights_check_case_id_handoff_case"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_check")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_rights_check_case_id"), "rights_check", ["case_id"])
    op.create_table(
        "case_count",
        sa.Column("area", sa.String(length=40), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("replied", sa.Integer(), nullable=False),
        sa.Column("reply_minutes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("area", "month", "level", "language", "channel", "outcome", name=op.f("pk_case_count")),
    )
    op.create_table(
        "retention_night",
        sa.Column("area", sa.String(length=40), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("area", "day", name=op.f("pk_retention_night")),
    )
    op.create_table(
        "retention_run",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("area", sa.String(length=40), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("cut", MOMENT, nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("failed", sa.String(length=120), nullable=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_run")),
        sa.UniqueConstraint("area", "day", "kind", name="uq_retention_run_area"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_retention_run_kind"), "retention_run", ["kind"])


def downgrade() -> None:
    op.drop_table("retention_run")
    op.drop_table("retention_night")
    op.drop_table("case_count")
    op.drop_table("rights_check")
    op.drop_table("case_hold")
    op.drop_table("tombstone")
    op.drop_column("person", "quiet_until")
    op.drop_column("person", "receipt")

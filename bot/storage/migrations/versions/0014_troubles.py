"""troubles: what does not work, who is called for it, how providers fail, and when messages came"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
GOES_ON = sa.text("ended_at IS NULL")
IS_OPEN = sa.text("open = 1")


def upgrade() -> None:
    op.create_table(
        "breaker",
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("fault", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", MOMENT, nullable=False),
        sa.Column("open_since", MOMENT, nullable=True),
        sa.Column("probe_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_breaker")),
    )
    op.create_table(
        "trouble",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("acknowledged_at", MOMENT, nullable=True),
        sa.Column("acknowledged_by", BIG_ID, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trouble")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_trouble_goes_on", "trouble", ["kind", "subject"], unique=True, sqlite_where=GOES_ON, postgresql_where=GOES_ON
    )
    op.create_index("ix_trouble_ended_at", "trouble", ["ended_at"])
    op.create_table(
        "trouble_alarm",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("trouble_id", BIG_ID, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["trouble_id"], ["trouble.id"], name=op.f("fk_trouble_alarm_trouble_id_trouble"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trouble_alarm")),
        sa.UniqueConstraint("trouble_id", "step", "way", name="uq_trouble_alarm_trouble_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_trouble_alarm_open_due", "trouble_alarm", ["due_at"], sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
    op.create_index("ix_inbox_channel_received", "inbox", ["channel", "received_at"])


def downgrade() -> None:
    op.drop_index("ix_inbox_channel_received", table_name="inbox")
    op.drop_table("trouble_alarm")
    op.drop_table("trouble")
    op.drop_table("breaker")

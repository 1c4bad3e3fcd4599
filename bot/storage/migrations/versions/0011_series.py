"""series: who asked for which, and what came to them"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.add_column("child", sa.Column("arrived_at", MOMENT, nullable=True))
    op.add_column("child", sa.Column("apart_at", MOMENT, nullable=True))
    op.create_table(
        "series_subscription",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("person_id", BIG_ID, nullable=False),
        sa.Column("child_id", BIG_ID, nullable=True),
        sa.Column("series", sa.String(length=24), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=True),
        sa.Column("early", sa.Integer(), nullable=False),
        sa.Column("days", sa.String(length=7), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("pace", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=True),
        sa.Column("next_at", MOMENT, nullable=True),
        sa.Column("asked_born", sa.Integer(), nullable=False),
        sa.Column("ask_from", MOMENT, nullable=True),
        sa.Column("agreed_at", MOMENT, nullable=False),
        sa.Column("agreed_by", sa.String(length=30), nullable=False),
        sa.Column("agreed_inbox_id", BIG_ID, nullable=True),
        sa.Column("agreed_version", sa.String(length=16), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_series_subscription_person_id_person"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["child_id"], ["child.id"], name=op.f("fk_series_subscription_child_id_child"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series_subscription")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_series_subscription_next_at", "series_subscription", ["next_at"])
    op.create_index("ix_series_subscription_person_id", "series_subscription", ["person_id", "series"])
    op.create_index(op.f("ix_series_subscription_child_id"), "series_subscription", ["child_id"])
    op.create_table(
        "series_step",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("subscription_id", BIG_ID, nullable=False),
        sa.Column("person_id", BIG_ID, nullable=False),
        sa.Column("child_id", BIG_ID, nullable=False),
        sa.Column("series", sa.String(length=24), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("message", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("outbox_key", sa.String(length=80), nullable=True),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("until", sa.String(length=10), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["series_subscription.id"],
            name=op.f("fk_series_step_subscription_id_series_subscription"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_series_step_person_id_person"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series_step")),
        sa.UniqueConstraint("person_id", "child_id", "series", "step", name="uq_series_step_person_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_series_step_subscription_id"), "series_step", ["subscription_id"])
    op.create_index("ix_series_step_waiting", "series_step", ["person_id"], sqlite_where=WAITING, postgresql_where=WAITING)


def downgrade() -> None:
    op.drop_table("series_step")
    op.drop_table("series_subscription")
    op.drop_column("child", "apart_at")
    op.drop_column("child", "arrived_at")

"""what providers say of messages after sending, how fast may be sent, templates, and until when a provider takes free words"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("person_address", sa.Column("window_until", MOMENT, nullable=True))
    op.add_column("person_address", sa.Column("retired_at", MOMENT, nullable=True))
    op.create_table(
        "provider_message",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("provider_id", sa.String(length=200), nullable=False),
        sa.Column("outbox_id", BIG_ID, nullable=True),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["outbox_id"], ["outbox.id"], name=op.f("fk_provider_message_outbox_id_outbox"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_message")),
        sa.UniqueConstraint("channel", "provider_id", name="uq_provider_message_channel"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_provider_message_outbox_id", "provider_message", ["outbox_id"])
    held = sa.text("state = 'held'")
    op.create_index("ix_outbox_held", "outbox", ["person_id", "id"], sqlite_where=held, postgresql_where=held)
    op.create_table(
        "pace",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pace")),
    )
    op.create_table(
        "message_template",
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("provider_id", sa.String(length=60), nullable=True),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("category", sa.String(length=30), nullable=False),
        sa.Column("authored", sa.String(length=30), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("channel", "name", "language", name=op.f("pk_message_template")),
    )


def downgrade() -> None:
    op.drop_table("message_template")
    op.drop_table("pace")
    op.drop_index("ix_outbox_held", "outbox")
    op.drop_table("provider_message")
    op.drop_column("person_address", "retired_at")
    op.drop_column("person_address", "window_until")

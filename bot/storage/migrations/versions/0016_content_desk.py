"""the content desk: versions of texts, their history, what is published, and translators' files that wait"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
TEXT = ["content_id", "language"]
OPEN = sa.text("state IN ('draft', 'review', 'approved')")
PUBLISHED = sa.text("state = 'published'")


def upgrade() -> None:
    op.create_table(
        "text_version",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("content_id", sa.String(length=120), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("help_if", sa.Text(), nullable=True),
        sa.Column("translation", sa.String(length=16), nullable=False),
        sa.Column("source_hash", sa.String(length=16), nullable=True),
        sa.Column("hash", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("base_id", BIG_ID, nullable=True),
        sa.Column("staff_id", BIG_ID, nullable=True),
        sa.Column("author", sa.String(length=80), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("published_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_version")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_text_version_text", "text_version", TEXT)
    op.create_index(op.f("ix_text_version_hash"), "text_version", ["hash"])
    op.create_index("uq_text_version_open", "text_version", TEXT, unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index(
        "uq_text_version_published", "text_version", TEXT, unique=True, sqlite_where=PUBLISHED, postgresql_where=PUBLISHED
    )
    op.create_table(
        "text_event",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("version_id", BIG_ID, nullable=True),
        sa.Column("content_id", sa.String(length=120), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=True),
        sa.Column("author", sa.String(length=80), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["text_version.id"], name=op.f("fk_text_event_version_id_text_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_event")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_text_event_text", "text_event", TEXT)
    revision_row = op.create_table(
        "text_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_revision")),
    )
    op.bulk_insert(revision_row, [{"id": 1, "number": 0}])
    op.create_table(
        "text_import",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("brought_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_import")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_text_import_staff_id"), "text_import", ["staff_id"])


def downgrade() -> None:
    op.drop_table("text_import")
    op.drop_table("text_revision")
    op.drop_table("text_event")
    op.drop_table("text_version")

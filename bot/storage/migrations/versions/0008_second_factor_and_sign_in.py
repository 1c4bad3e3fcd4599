"""second factor, recovery codes, links to set a password, single sign-on, and what a sign-in still lacks"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("staff", sa.Column("password_ends_at", sa.DateTime(timezone=True), nullable=True))
    # An index, not a constraint: for a constraint SQLite copies the table, and dropping the old one would end every sign-in.
    op.add_column("staff", sa.Column("sso_id", sa.String(length=64), nullable=True))
    op.create_index("uq_staff_sso_id", "staff", ["sso_id"], unique=True)
    # Straight on the table. Whoever is signed in came by a password and has nothing left to do; they last showed who they are
    # when they signed in.
    op.add_column("staff_login", sa.Column("stage", sa.String(length=10), nullable=False, server_default=""))
    op.add_column("staff_login", sa.Column("way", sa.String(length=10), nullable=False, server_default="password"))
    op.add_column("staff_login", sa.Column("failed", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(
        "staff_login",
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=False, server_default="1970-01-01 00:00:00+00:00"),
    )
    op.execute("UPDATE staff_login SET proved_at = created_at")
    op.create_table(
        "staff_factor",
        sa.Column("staff_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("pending", sa.LargeBinary(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_factor_staff_id_staff"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_factor")),
    )
    op.create_table(
        "staff_recovery_code",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_recovery_code_staff_id_staff"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_recovery_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_staff_recovery_code_code_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_staff_recovery_code_staff_id"), "staff_recovery_code", ["staff_id"])
    op.create_table(
        "staff_link",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_link_staff_id_staff"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_link")),
    )
    op.create_index(op.f("ix_staff_link_staff_id"), "staff_link", ["staff_id"])


def downgrade() -> None:
    op.drop_table("staff_link")
    op.drop_table("staff_recovery_code")
    op.drop_table("staff_factor")
    for name in ("proved_at", "failed", "way", "stage"):
        op.drop_column("staff_login", name)
    op.drop_index("uq_staff_sso_id", "staff")
    op.drop_column("staff", "sso_id")
    op.drop_column("staff", "password_ends_at")

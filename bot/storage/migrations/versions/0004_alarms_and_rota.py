"""alarms and rota"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rota_shift",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("area_id", sa.String(length=40), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_rota_shift_area_id_area")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_rota_shift_staff_id_staff"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_shift")),
        sa.UniqueConstraint("area_id", "staff_id", "starts_at", name="uq_rota_shift_area_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rota_shift_area_ends", "rota_shift", ["area_id", "ends_at"])
    op.create_table(
        "alarm",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("case_id", BIG_ID, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(length=10), nullable=False),
        sa.Column("cause", sa.String(length=12), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("audience", sa.String(length=12), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["handoff_case.id"], name=op.f("fk_alarm_case_id_handoff_case"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
        sa.UniqueConstraint("case_id", "step", "way", name="uq_alarm_case_id"),
        sqlite_autoincrement=True,
    )
    open_ones = sa.text("open = 1")
    op.create_index("ix_alarm_open_due", "alarm", ["due_at"], sqlite_where=open_ones, postgresql_where=open_ones)
    op.create_index("ix_alarm_state_created", "alarm", ["state", "created_at"])
    op.add_column("staff", sa.Column("email", sa.String(length=254), nullable=True))
    _roles_from_role()


def _roles_from_role() -> None:
    """Several roles an account instead of one; whoever could answer parents still can."""
    # Straight on the table: to build it anew, as a batch does on SQLite, would delete every sign-in with the old one.
    op.add_column("staff", sa.Column("roles", sa.JSON(), nullable=False, server_default='["practitioner"]'))
    staff = sa.table("staff", sa.column("role", sa.String), sa.column("roles", sa.JSON))
    more = {"supervisor": ["practitioner", "manager"], "administrator": ["practitioner", "manager", "administrator"]}
    for role, roles in more.items():
        op.execute(staff.update().where(staff.c.role == role).values(roles=roles))
    op.drop_column("staff", "role")


def downgrade() -> None:
    op.add_column("staff", sa.Column("role", sa.String(length=20), nullable=False, server_default="practitioner"))
    op.drop_column("staff", "roles")
    op.drop_column("staff", "email")
    op.drop_table("alarm")
    op.drop_table("rota_shift")

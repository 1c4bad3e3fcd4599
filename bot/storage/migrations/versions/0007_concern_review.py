"""the review list: what staff did about parents who are struggling again and again"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "concern_review",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("person_id", BIG_ID, nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=True),
        sa.Column("act", sa.String(length=8), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("up_to", BIG_ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_concern_review_person_id_person"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_concern_review_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concern_review")),
    )
    op.create_index(op.f("ix_concern_review_person_id"), "concern_review", ["person_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_concern_review_person_id"), table_name="concern_review")
    op.drop_table("concern_review")

"""the language in which a member of staff reads the console"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff", sa.Column("language", sa.String(length=8), nullable=True))


def downgrade() -> None:
    op.drop_column("staff", "language")

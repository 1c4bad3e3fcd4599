"""case work: who knows a parent, interpreters, pauses"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    with op.batch_alter_table('handoff_case') as batch_op:
        batch_op.add_column(sa.Column('knows_staff_id', BIG_ID, nullable=True))
        batch_op.add_column(sa.Column('interpreter_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('paused_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index('ix_handoff_case_person_id', ['person_id'])
        batch_op.create_index('ix_handoff_case_knows_staff_id', ['knows_staff_id'])


def downgrade() -> None:
    with op.batch_alter_table('handoff_case') as batch_op:
        batch_op.drop_index('ix_handoff_case_knows_staff_id')
        batch_op.drop_index('ix_handoff_case_person_id')
        batch_op.drop_column('paused_at')
        batch_op.drop_column('interpreter_at')
        batch_op.drop_column('knows_staff_id')

"""case work: who knows a parent, interpreters, pauses, marks of triage"""

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
    op.create_table(
        'triage_mark',
        sa.Column('id', BIG_ID, nullable=False),
        sa.Column('inbox_id', BIG_ID, nullable=True),
        sa.Column('area_id', sa.String(length=40), nullable=True),
        sa.Column('language', sa.String(length=8), nullable=False),
        sa.Column('level', sa.String(length=10), nullable=False),
        sa.Column('should_be', sa.String(length=10), nullable=False),
        sa.Column('staff_id', BIG_ID, nullable=True),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['area_id'], ['area.id'], name='fk_triage_mark_area_id_area'),
        sa.ForeignKeyConstraint(['inbox_id'], ['inbox.id'], name='fk_triage_mark_inbox_id_inbox', ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id', name='pk_triage_mark'),
        sa.UniqueConstraint('inbox_id', name='uq_triage_mark_inbox_id'),
    )
    op.create_index('ix_triage_mark_area_id', 'triage_mark', ['area_id'])


def downgrade() -> None:
    op.drop_table('triage_mark')
    with op.batch_alter_table('handoff_case') as batch_op:
        batch_op.drop_index('ix_handoff_case_knows_staff_id')
        batch_op.drop_index('ix_handoff_case_person_id')
        batch_op.drop_column('paused_at')
        batch_op.drop_column('interpreter_at')
        batch_op.drop_column('knows_staff_id')

"""The first tables, and the triggers that raise the revision."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from services_directory.triggers import unwatch, watch

revision: str = "d0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = ("directory",)
depends_on: str | Sequence[str] | None = None

# In an order in which each table's references exist.
TABLES = (
    "directory_location",
    "directory_organisation",
    "directory_place_alias",
    "directory_taxonomy",
    "directory_accessibility",
    "directory_address",
    "directory_organisation_identifier",
    "directory_service",
    "directory_taxonomy_term",
    "directory_attribute",
    "directory_contact",
    "directory_cost_option",
    "directory_funding",
    "directory_language",
    "directory_service_area",
    "directory_service_at_location",
    "directory_service_mode",
    "directory_phone",
    "directory_schedule",
)


def upgrade() -> None:
    op.create_table(
        "directory_location",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("area_id", sa.String(length=36), nullable=True),
        sa.Column("location_type", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("transportation", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("external_identifier", sa.String(length=100), nullable=True),
        sa.Column("external_identifier_type", sa.String(length=50), nullable=True),
        sa.Column("nation", sa.String(length=20), nullable=True),
        sa.Column("family_hub", sa.Boolean(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=True),
        sa.Column("source_id", sa.String(length=200), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "location_type IN ('physical', 'postal', 'virtual')", name=op.f("ck_directory_location_location_type")
        ),
        sa.CheckConstraint(
            "nation IN ('england', 'northern-ireland', 'scotland', 'wales')", name=op.f("ck_directory_location_nation")
        ),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name=op.f("ck_directory_location_latitude")),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name=op.f("ck_directory_location_longitude")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_location")),
        sa.UniqueConstraint("source", "source_id", name=op.f("uq_directory_location_source")),
    )
    op.create_index(op.f("ix_directory_location_area_id"), "directory_location", ["area_id"])

    op.create_table(
        "directory_organisation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("area_id", sa.String(length=36), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("alternate_name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("logo", sa.Text(), nullable=True),
        sa.Column("uri", sa.Text(), nullable=True),
        sa.Column("parent_organisation_id", sa.String(length=36), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=True),
        sa.Column("source_id", sa.String(length=200), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_organisation_id"],
            ["directory_organisation.id"],
            name=op.f("fk_directory_organisation_parent_organisation_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_organisation")),
        sa.UniqueConstraint("source", "source_id", name=op.f("uq_directory_organisation_source")),
    )
    op.create_index(op.f("ix_directory_organisation_area_id"), "directory_organisation", ["area_id"])

    op.create_table(
        "directory_place_alias",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("area_id", sa.String(length=36), nullable=True),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=True),
        sa.Column("source_id", sa.String(length=200), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_place_alias")),
        sa.UniqueConstraint("source", "source_id", name=op.f("uq_directory_place_alias_source")),
    )
    op.create_index(op.f("ix_directory_place_alias_area_id"), "directory_place_alias", ["area_id"])

    op.create_table(
        "directory_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_directory_revision_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_revision")),
    )
    op.create_table(
        "directory_taxonomy",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=True),
        sa.Column("version", sa.String(length=50), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_taxonomy")),
        sa.UniqueConstraint("name", name=op.f("uq_directory_taxonomy_name")),
    )
    op.create_table(
        "directory_accessibility",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("location_id", sa.String(length=36), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["location_id"],
            ["directory_location.id"],
            name=op.f("fk_directory_accessibility_location_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_accessibility")),
    )
    op.create_index(op.f("ix_directory_accessibility_location_id"), "directory_accessibility", ["location_id"])

    op.create_table(
        "directory_address",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("location_id", sa.String(length=36), nullable=False),
        sa.Column("attention", sa.Text(), nullable=True),
        sa.Column("address_1", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("state_province", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.String(length=10), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("address_type", sa.String(length=20), nullable=False),
        sa.CheckConstraint(
            "address_type IN ('physical', 'postal', 'virtual')", name=op.f("ck_directory_address_address_type")
        ),
        sa.ForeignKeyConstraint(
            ["location_id"],
            ["directory_location.id"],
            name=op.f("fk_directory_address_location_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_address")),
    )
    op.create_index(op.f("ix_directory_address_location_id"), "directory_address", ["location_id"])
    op.create_index(op.f("ix_directory_address_postal_code"), "directory_address", ["postal_code"])

    op.create_table(
        "directory_organisation_identifier",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organisation_id", sa.String(length=36), nullable=False),
        sa.Column("identifier_scheme", sa.String(length=50), nullable=True),
        sa.Column("identifier_type", sa.String(length=100), nullable=False),
        sa.Column("identifier", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["directory_organisation.id"],
            name=op.f("fk_directory_organisation_identifier_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_organisation_identifier")),
    )
    op.create_index(
        op.f("ix_directory_organisation_identifier_organisation_id"),
        "directory_organisation_identifier",
        ["organisation_id"],
    )

    op.create_table(
        "directory_service",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organisation_id", sa.String(length=36), nullable=False),
        sa.Column("area_id", sa.String(length=36), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("alternate_name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("approval", sa.String(length=20), nullable=False),
        sa.Column("level_of_need", sa.String(length=20), nullable=False),
        sa.Column("minimum_age_months", sa.Integer(), nullable=True),
        sa.Column("maximum_age_months", sa.Integer(), nullable=True),
        sa.Column("eligibility_description", sa.Text(), nullable=True),
        sa.Column("referral_route", sa.String(length=20), nullable=False),
        sa.Column("application_process", sa.Text(), nullable=True),
        sa.Column("fees_description", sa.Text(), nullable=True),
        sa.Column("wait_time", sa.Text(), nullable=True),
        sa.Column("wait_time_date", sa.Date(), nullable=True),
        sa.Column("interpreter", sa.Boolean(), nullable=True),
        sa.Column("accreditations", sa.Text(), nullable=True),
        sa.Column("alert", sa.Text(), nullable=True),
        sa.Column("visible_from", sa.Date(), nullable=True),
        sa.Column("visible_to", sa.Date(), nullable=True),
        sa.Column("assured_date", sa.Date(), nullable=True),
        sa.Column("assurer_email", sa.Text(), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=True),
        sa.Column("source_id", sa.String(length=200), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "approval IN ('draft', 'pending', 'approved', 'withdrawn')", name=op.f("ck_directory_service_approval")
        ),
        sa.CheckConstraint(
            "level_of_need IN ('universal', 'targeted', 'specialist')", name=op.f("ck_directory_service_level_of_need")
        ),
        sa.CheckConstraint(
            "referral_route IN ('self', 'professional', 'gp', 'other')",
            name=op.f("ck_directory_service_referral_route"),
        ),
        sa.CheckConstraint(
            "status IN ('active', 'inactive', 'defunct', 'temporarily closed')",
            name=op.f("ck_directory_service_status"),
        ),
        sa.CheckConstraint("minimum_age_months <= maximum_age_months", name=op.f("ck_directory_service_ages")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["directory_organisation.id"],
            name=op.f("fk_directory_service_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_service")),
        sa.UniqueConstraint("source", "source_id", name=op.f("uq_directory_service_source")),
    )
    op.create_index("ix_directory_service_approval_status", "directory_service", ["approval", "status"])
    op.create_index(op.f("ix_directory_service_area_id"), "directory_service", ["area_id"])
    op.create_index(op.f("ix_directory_service_organisation_id"), "directory_service", ["organisation_id"])

    op.create_table(
        "directory_taxonomy_term",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("taxonomy_id", sa.String(length=36), nullable=False),
        sa.Column("parent_id", sa.String(length=36), nullable=True),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("term_uri", sa.Text(), nullable=True),
        sa.Column("language", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["directory_taxonomy_term.id"],
            name=op.f("fk_directory_taxonomy_term_parent_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["taxonomy_id"],
            ["directory_taxonomy.id"],
            name=op.f("fk_directory_taxonomy_term_taxonomy_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_taxonomy_term")),
        sa.UniqueConstraint("taxonomy_id", "code", name=op.f("uq_directory_taxonomy_term_taxonomy_id")),
    )
    op.create_index(op.f("ix_directory_taxonomy_term_taxonomy_id"), "directory_taxonomy_term", ["taxonomy_id"])

    op.create_table(
        "directory_attribute",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("link_id", sa.String(length=36), nullable=False),
        sa.Column("link_entity", sa.String(length=30), nullable=False),
        sa.Column("link_type", sa.String(length=50), nullable=True),
        sa.Column("taxonomy_term_id", sa.String(length=36), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["taxonomy_term_id"],
            ["directory_taxonomy_term.id"],
            name=op.f("fk_directory_attribute_taxonomy_term_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_attribute")),
    )
    op.create_index("ix_directory_attribute_link", "directory_attribute", ["link_entity", "link_id"])
    op.create_index(op.f("ix_directory_attribute_taxonomy_term_id"), "directory_attribute", ["taxonomy_term_id"])

    op.create_table(
        "directory_contact",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_id"], ["directory_service.id"], name=op.f("fk_directory_contact_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_contact")),
    )
    op.create_index(op.f("ix_directory_contact_service_id"), "directory_contact", ["service_id"])

    op.create_table(
        "directory_cost_option",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("option", sa.Text(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_description", sa.Text(), nullable=True),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_directory_cost_option_amount")),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["directory_service.id"],
            name=op.f("fk_directory_cost_option_service_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_cost_option")),
    )
    op.create_index(op.f("ix_directory_cost_option_service_id"), "directory_cost_option", ["service_id"])

    op.create_table(
        "directory_funding",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"], ["directory_service.id"], name=op.f("fk_directory_funding_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_funding")),
    )
    op.create_index(op.f("ix_directory_funding_service_id"), "directory_funding", ["service_id"])

    op.create_table(
        "directory_language",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_id"], ["directory_service.id"], name=op.f("fk_directory_language_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_language")),
    )
    op.create_index(op.f("ix_directory_language_code"), "directory_language", ["code"])
    op.create_index(op.f("ix_directory_language_service_id"), "directory_language", ["service_id"])

    op.create_table(
        "directory_service_area",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("extent", sa.Text(), nullable=True),
        sa.Column("extent_type", sa.String(length=20), nullable=True),
        sa.Column("uri", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["directory_service.id"],
            name=op.f("fk_directory_service_area_service_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_service_area")),
    )
    op.create_index(op.f("ix_directory_service_area_service_id"), "directory_service_area", ["service_id"])

    op.create_table(
        "directory_service_at_location",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("location_id", sa.String(length=36), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["location_id"],
            ["directory_location.id"],
            name=op.f("fk_directory_service_at_location_location_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["directory_service.id"],
            name=op.f("fk_directory_service_at_location_service_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_service_at_location")),
        sa.UniqueConstraint("service_id", "location_id", name=op.f("uq_directory_service_at_location_service_id")),
    )
    op.create_index(
        op.f("ix_directory_service_at_location_location_id"), "directory_service_at_location", ["location_id"]
    )
    op.create_index(
        op.f("ix_directory_service_at_location_service_id"), "directory_service_at_location", ["service_id"]
    )

    op.create_table(
        "directory_service_mode",
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.CheckConstraint("mode IN ('go', 'phone', 'online', 'home')", name=op.f("ck_directory_service_mode_mode")),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["directory_service.id"],
            name=op.f("fk_directory_service_mode_service_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("service_id", "mode", name=op.f("pk_directory_service_mode")),
    )
    op.create_table(
        "directory_phone",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=True),
        sa.Column("number", sa.String(length=50), nullable=False),
        sa.Column("extension", sa.Integer(), nullable=True),
        sa.Column("type", sa.String(length=20), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["directory_contact.id"], name=op.f("fk_directory_phone_contact_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["directory_service.id"], name=op.f("fk_directory_phone_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_phone")),
    )
    op.create_index(op.f("ix_directory_phone_contact_id"), "directory_phone", ["contact_id"])
    op.create_index(op.f("ix_directory_phone_service_id"), "directory_phone", ["service_id"])

    op.create_table(
        "directory_schedule",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("service_at_location_id", sa.String(length=36), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("dtstart", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("freq", sa.String(length=10), nullable=True),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("byday", sa.String(length=100), nullable=True),
        sa.Column("bymonthday", sa.String(length=100), nullable=True),
        sa.Column("opens_at", sa.Time(), nullable=True),
        sa.Column("closes_at", sa.Time(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("schedule_link", sa.Text(), nullable=True),
        sa.Column("attending_type", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.CheckConstraint("freq IN ('WEEKLY', 'MONTHLY')", name=op.f("ck_directory_schedule_freq")),
        sa.CheckConstraint('"interval" >= 1', name=op.f("ck_directory_schedule_interval")),
        sa.ForeignKeyConstraint(
            ["service_at_location_id"],
            ["directory_service_at_location.id"],
            name=op.f("fk_directory_schedule_service_at_location_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["directory_service.id"], name=op.f("fk_directory_schedule_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_schedule")),
    )
    op.create_index(
        op.f("ix_directory_schedule_service_at_location_id"), "directory_schedule", ["service_at_location_id"]
    )
    op.create_index(op.f("ix_directory_schedule_service_id"), "directory_schedule", ["service_id"])

    revision_table = sa.table("directory_revision", sa.column("id"), sa.column("revision"))
    op.bulk_insert(revision_table, [{"id": 1, "revision": 1}])
    for table in TABLES:
        watch(op.get_bind(), table)


def downgrade() -> None:
    for table in reversed(TABLES):
        unwatch(op.get_bind(), table)
        op.drop_table(table)
    op.drop_table("directory_revision")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION directory_raise_revision()")

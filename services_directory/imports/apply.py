"""Writing a plan: everything in one transaction, thousands of rows at a time. What is refused is simply not in it."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, time
from decimal import Decimal
from typing import Any

from sqlalchemy import Date, Engine, Numeric, Time, delete, insert, select, update
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.database import read_revision, writing
from services_directory.editing.tables import Step
from services_directory.imports.forms import Form, rule_of
from services_directory.imports.notes import stored
from services_directory.imports.plan import Change, Options, Plan, Progress, Row
from services_directory.imports.planning import make_plan
from services_directory.imports.readers import Reading
from services_directory.imports.report import change_in_words, field_name
from services_directory.imports.stored import PARTS, SCALARS, TABLES, Part, chunks, read_times
from services_directory.imports.tables import ImportedForm, MergeQuestion, TermQuestion
from services_directory.sheet import _id as minted
from services_directory.sheet import sync_vocabulary
from services_directory.terms import vocabulary

WRITTEN_AT_ONCE = 2000
COMPARED_WITHOUT_LOCK = 2
TIMES = ("schedules", "exceptions")
"""Written after all else of a service, in this order: a schedule names a place, an exception a schedule."""


class Blocked(ValueError):
    """Nothing was written: something is wrong, and all or nothing was asked for. ``plan`` says what."""

    def __init__(self, plan: Plan) -> None:
        """Keep the plan."""
        self.plan = plan
        super().__init__(f"{len(plan.services('refuse'))} services cannot be taken")


def run_import(
    engine: Engine,
    reading: Reading,
    options: Options,
    *,
    today: date | None = None,
    progress: Progress | None = None,
    write: Callable[[], AbstractContextManager[Session]] | None = None,
) -> Plan:
    """Compare once more and write, in one transaction. Returns what was done. Raises ``Blocked``.

    Comparing takes longest, and holds no lock: parents' messages wait in the same database. Only if somebody wrote to the
    directory meanwhile is it compared anew, at last with the lock. ``write``: how to open a transaction, if not ``writing``.
    """
    begin = write or (lambda: writing(engine))
    for _ in range(COMPARED_WITHOUT_LOCK):
        with Session(engine) as session:
            revision = read_revision(session.connection())
            plan = _made(session, reading, options, today, progress)
        if plan.nothing_to_do and not _has_news(plan):
            return plan
        with begin() as session:
            if _locked_revision(session) == revision:
                _Writer(session, plan).write()
                return plan
    with begin() as session:
        _locked_revision(session)
        plan = _made(session, reading, options, today, progress)
        _Writer(session, plan).write()
        return plan


def _made(session: Session, reading: Reading, options: Options, today: date | None, progress: Progress | None) -> Plan:
    plan = make_plan(session, reading, options, today=today, progress=progress)
    if plan.blocked:
        raise Blocked(plan)
    return plan


def _locked_revision(session: Session) -> int:
    """Return the revision, and let no other writer by: the triggers touch its row, so it is taken first."""
    query = select(models.Revision.revision)
    return session.execute(query.with_for_update() if session.get_bind().dialect.name == "postgresql" else query).scalar_one()


def _has_news(plan: Plan) -> bool:
    """Tell whether a conflict is still to be remembered as decided."""
    return any(not row.foreign and not row.ours for row in plan.conflicts)


def _decoded(table: Any, name: str, value: Any) -> Any:
    """Return a form's value as its column wants it."""
    if value is None:
        return None
    kind = table.__table__.c[name].type
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    if isinstance(kind, Time):
        return time.fromisoformat(value)
    return Decimal(value) if isinstance(kind, Numeric) and isinstance(value, str) else value


class _Writer:
    def __init__(self, session: Session, plan: Plan) -> None:
        self.session, self.plan, self.options = session, plan, plan.options
        self.pending: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
        self.term_ids: dict[tuple[str | None, str], str] = {}
        self.links: dict[tuple[str, str], str] = {}
        self.rules: dict[tuple[str, str], str] = {}

    def write(self) -> None:
        self._terms()
        for kind in ("organisation", "location", "service"):
            rows = [row for row in self.plan.rows if row.kind == kind and row.form]
            self._add(kind, [row for row in rows if row.action == "add"])
            changed = [row for row in rows if row.action != "add" and not row.foreign and self._wanted(row)]
            if kind == "service":
                self._known_links([row.id for row in changed])
            for row in changed:
                self._change(row)
            self._flush()
            self._remember(kind, rows)
            if kind == "service":
                self._note(rows, changed)
        self._mark_gone()
        self._ask()
        self._flush()

    def _wanted(self, row: Row) -> list[Change]:
        return row.changes + (row.conflicts if self.options.take_theirs else [])

    def _put(self, table: Any, values: dict[str, Any]) -> None:
        rows = self.pending[table]
        rows.append(values)

    def _flush(self) -> None:
        for table, rows in self.pending.items():
            for start in range(0, len(rows), WRITTEN_AT_ONCE):
                self.session.execute(insert(table), rows[start : start + WRITTEN_AT_ONCE])
        self.pending.clear()

    # ---- records ----

    def _add(self, kind: str, rows: Sequence[Row]) -> None:
        table = TABLES[kind]
        for row in rows:
            own = {"id": row.id, "source": self.options.source, "source_id": row.source_id, "area_id": self.options.area_id}
            if kind == "service":
                own["organisation_id"] = row.form["organisation"]
                own["approval"] = "approved" if self.options.approve else "pending"
            self._put(table, own | self._scalars(kind, row.form))
        # Owners first: a part refers to a record that must be there.
        self._flush()
        for row in rows:
            for name in PARTS[kind]:
                if name not in TIMES:
                    self._add_part(kind, name, row.id, row.form[name])
            if kind == "service":
                self._add_links(row.id, row.form["locations"])
                self._add_terms(row.id, row.form["needs"] + row.form["terms"])
        self._flush()
        if kind == "service":
            for name in TIMES:
                for row in rows:
                    self._add_part(kind, name, row.id, row.form[name])

    def _scalars(self, kind: str, form: Form) -> dict[str, Any]:
        table = TABLES[kind]
        values = {name: _decoded(table, name, form[name]) for name in SCALARS[kind]}
        return values | {name: default for name, default in _defaults(kind).items() if values.get(name) is None}

    def _add_part(self, kind: str, name: str, owner: str, forms: Iterable[Form]) -> None:
        part: Part = PARTS[kind][name]
        for form in forms:
            values = {column: _decoded(part.table, column, form[column]) for column in part.columns}
            values[part.owner] = owner
            if name != "modes":
                values["id"] = minted(name, owner, json.dumps(form, sort_keys=True))
            if name == "schedules":
                values["service_at_location_id"] = self.links.get((owner, form["location"])) if form["location"] else None
                self.rules[owner, rule_of(form)] = values["id"]
            if name == "exceptions":
                values["schedule_id"] = self.rules.get((owner, form["rule"])) if form["rule"] else None
            self._put(part.table, values)

    def _add_links(self, owner: str, forms: Iterable[Form]) -> None:
        for form in forms:
            id_ = self.links[owner, form["location"]] = minted("service at location", owner, form["location"])
            link = {"id": id_, "service_id": owner, "location_id": form["location"], "description": form["description"]}
            self._put(models.ServiceAtLocation, link)

    def _add_terms(self, owner: str, forms: Iterable[Form]) -> None:
        for form in forms:
            term = self.term_ids[form.get("taxonomy"), form["code"]]
            id_ = minted("attribute", owner, form["code"]) if "taxonomy" not in form else minted("attribute", owner, term)
            self._put(models.Attribute, {"id": id_, "link_id": owner, "link_entity": "service", "taxonomy_term_id": term})

    def _change(self, row: Row) -> None:
        table, scalars = TABLES[row.kind], {}
        for change in self._wanted(row):
            name, new = change.field, change.new
            if name in SCALARS[row.kind]:
                default = _defaults(row.kind).get(name)
                scalars[name] = default if new is None and default is not None else _decoded(table, name, new)
            elif name == "organisation":
                scalars["organisation_id"] = new
            elif name == "locations":
                self._move(row.id, new)
            elif name in ("needs", "terms"):
                self._retag(row.id, name, new)
        parts = {change.field: change.new for change in self._wanted(row) if change.field in PARTS[row.kind]}
        if parts.keys() & set(TIMES):
            self._change_times(row.id, parts.pop("schedules", None), parts.pop("exceptions", None))
        for name, forms in parts.items():
            part = PARTS[row.kind][name]
            self.session.execute(delete(part.table).where(getattr(part.table, part.owner) == row.id))
            self._add_part(row.kind, name, row.id, forms)
        scalars["last_modified"] = models.now()
        self.session.execute(update(table).where(table.id == row.id).values(**scalars))

    def _change_times(self, owner: str, schedules: Sequence[Form] | None, exceptions: Sequence[Form] | None) -> None:
        """Write rules, single dates or both; ``None`` for what stays. A date that staff cancelled outlives the row it hangs on."""
        stored = read_times(self.session, owner)
        rules = stored["schedules"] if schedules is None else schedules
        dates = stored["exceptions"] if exceptions is None else exceptions
        for name in reversed(TIMES):
            part = PARTS["service"][name]
            self.session.execute(delete(part.table).where(getattr(part.table, part.owner) == owner))
        known = {rule_of(form) for form in rules}
        # Of a rule that is gone, the date is gone too: without its rule it would be of all the others.
        self._add_part("service", "schedules", owner, rules)
        self._add_part("service", "exceptions", owner, [form for form in dates if form["rule"] is None or form["rule"] in known])

    def _known_links(self, ids: Sequence[str]) -> None:
        link = models.ServiceAtLocation
        for some in chunks(ids):
            query = select(link.id, link.service_id, link.location_id).where(link.service_id.in_(some))
            for id_, service_id, location_id in self.session.execute(query):
                self.links[service_id, location_id] = id_

    def _move(self, owner: str, forms: Sequence[Form]) -> None:
        """Keep the places that stay: their schedules hang on them."""
        link, wanted = models.ServiceAtLocation, {form["location"]: form for form in forms}
        for (service_id, location_id), id_ in list(self.links.items()):
            if service_id != owner:
                continue
            if location_id in wanted:
                values = {"description": wanted.pop(location_id)["description"]}
                self.session.execute(update(link).where(link.id == id_).values(**values))
            else:
                self.session.execute(delete(link).where(link.id == id_))
                del self.links[service_id, location_id]
        self._add_links(owner, wanted.values())
        rows = self.pending.pop(link, [])
        if rows:
            self.session.execute(insert(link), rows)

    def _retag(self, owner: str, name: str, forms: Sequence[Form]) -> None:
        attribute, term = models.Attribute, models.TaxonomyTerm
        ours = select(models.Taxonomy.id).where(models.Taxonomy.name == vocabulary().name).scalar_subquery()
        mine = term.taxonomy_id == ours if name == "needs" else term.taxonomy_id != ours
        old = select(term.id).where(mine)
        condition = (attribute.link_entity == "service", attribute.link_id == owner, attribute.taxonomy_term_id.in_(old))
        self.session.execute(delete(attribute).where(*condition).execution_options(synchronize_session=False))
        self._add_terms(owner, forms)

    # ---- terms ----

    def _terms(self) -> None:
        self.term_ids |= {(None, code): id_ for code, id_ in sync_vocabulary(self.session).items()}
        taxonomies = dict(self.session.execute(select(models.Taxonomy.name, models.Taxonomy.id)).tuples().all())
        names = {taxonomy for taxonomy, _ in self.plan.terms} & taxonomies.keys()
        term = models.TaxonomyTerm
        for name in names:
            known = select(term.code, term.id).where(term.taxonomy_id == taxonomies[name])
            self.term_ids |= {(name, code): id_ for code, id_ in self.session.execute(known).tuples()}
        for (taxonomy, code), form in self.plan.terms.items():
            if taxonomy not in taxonomies:
                taxonomies[taxonomy] = minted("taxonomy", taxonomy)
                text = f"Terms that came with {self.options.source}"
                self._put(models.Taxonomy, {"id": taxonomies[taxonomy], "name": taxonomy, "description": text})
            if (taxonomy, code) not in self.term_ids:
                id_ = self.term_ids[taxonomy, code] = minted("term", taxonomy, code)
                values = {"id": id_, "taxonomy_id": taxonomies[taxonomy], "code": code, "name": form["name"]}
                more = {"description": form["description"] or form["name"], "term_uri": form["uri"]}
                self._put(term, values | more)
        self._flush()

    # ---- what is remembered and asked ----

    def _remember(self, kind: str, rows: Sequence[Row]) -> None:
        """Keep what the source said now. A conflict is decided with this: it is not asked again until the source changes."""
        rows = [row for row in rows if not row.ours]
        kept = [row for row in rows if not row.foreign and (row.action == "add" or row.changes or row.conflicts)]
        known: set[str] = set()
        for some in chunks(row.id for row in rows if not row.foreign):
            found = select(ImportedForm.record_id).where(ImportedForm.record_id.in_(some))
            known |= set(self.session.scalars(found))
        kept += [row for row in rows if not row.foreign and row.action == "leave" and row.id not in known and not row.conflicts]
        for some in chunks(row.id for row in kept if row.id in known):
            self.session.execute(delete(ImportedForm).where(ImportedForm.record_id.in_(some)))
        for row in kept:
            form = json.dumps(row.form, ensure_ascii=False)
            self._put(ImportedForm, {"record_id": row.id, "kind": kind, "form": form})
        self._flush()

    def _note(self, rows: Sequence[Row], changed: Sequence[Row]) -> None:
        """Put into the history what was brought in and what became of it, in words: a form has more fields than answers."""
        for row in (*(row for row in rows if row.action == "add"), *changed):
            changes = [change_in_words(change) for change in self._wanted(row)]
            if row.action == "add" or changes:
                self._put_step(row.id, {"source": self.options.source, "changes": changes})

    def _put_step(self, service_id: str, after: dict[str, Any]) -> None:
        who = {"author_id": self.options.by_id, "author": self.options.by or self.options.source}
        # So that whoever brought the file is not the one who approves what came with it.
        after |= {"brought_by": self.options.brought_by} if self.options.brought_by else {}
        self._put(Step, {"service_id": service_id, "kind": "imported", "before": {}, "after": after, **who})

    def _mark_gone(self) -> None:
        service = models.Service
        for one in self.plan.gone_now:
            gone = {"field": stored(field_name("status")), "old": "active", "new": "inactive"}
            self._put_step(one.id, {"source": self.options.source, "changes": [gone]})
        for some in chunks(one.id for one in self.plan.gone_now):
            marked = update(service).where(service.id.in_(some)).values(status="inactive", last_modified=models.now())
            self.session.execute(marked.execution_options(synchronize_session=False))
            for said in self.session.scalars(select(ImportedForm).where(ImportedForm.record_id.in_(some))):
                # So that its coming back is the source's change, and this is not taken for one of staff.
                said.form = json.dumps(json.loads(said.form) | {"status": "inactive", "gone": True}, ensure_ascii=False)

    def _ask(self) -> None:
        for one in self.plan.suggestions:
            self._put(
                TermQuestion, {"service_id": one.id, "code": one.code, "why": json.dumps(stored(one.why), ensure_ascii=False)}
            )
        for pair in self.plan.alike:
            why = json.dumps(stored(pair.why), ensure_ascii=False)
            self._put(MergeQuestion, {"service_id": pair.id, "other_id": pair.other_id, "why": why})


def _defaults(kind: str) -> Mapping[str, Any]:
    """Return what stands where a source says nothing and the tables need something."""
    if kind == "service":
        return {"description": "", "status": "active", "level_of_need": "universal", "referral_route": "self"}
    if kind == "location":
        return {"location_type": "physical", "family_hub": False, "private": False}
    return {"description": ""}

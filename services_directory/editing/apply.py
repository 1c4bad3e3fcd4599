"""Writing answers into a record: only what differs from before, so that what the form cannot show stays as it is."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.editing import readers
from services_directory.editing.answers import (
    PLACE_FIELDS,
    ROW_PARTS,
    ROWS,
    TIME_FIELDS,
    Answers,
    first_cost,
    first_link,
    first_phone,
    lines,
    needs_of,
    said_price,
    shown_schedules,
)
from services_directory.records import plain_text
from services_directory.sheet import sync_vocabulary
from services_directory.terms import vocabulary
from services_directory.timetables import DAYS

WEEK = timedelta(days=7)


def write(session: Session, service: models.Service, answers: Answers, changed: Collection[str]) -> None:
    """Write the ``changed`` fields of right ``answers`` into ``service``, which is in ``session``, and flush.

    Raises ``readers.Unreadable`` or ``ValueError`` for answers that ``wrongs`` would have refused.
    """
    _Writer(session, service, answers).write(set(changed))
    session.flush()


class _Writer:
    def __init__(self, session: Session, service: models.Service, answers: Answers) -> None:
        self.session, self.service, self.answers = session, service, answers

    def text(self, field: str) -> str | None:
        return plain_text(self.answers.get(field, "")) or None

    def write(self, changed: set[str]) -> None:
        service = self.service
        if changed & {"organisation", "organisation_name"}:
            self._organisation()
        for field, column in (
            ("name", "name"),
            ("description", "description"),
            ("eligibility", "eligibility_description"),
            ("email", "email"),
            ("join", "application_process"),
            ("wait", "wait_time"),
        ):
            if field in changed:
                setattr(service, column, self.text(field) or ("" if field in ("name", "description") else None))
        self._plain_values(changed)
        self.session.add(service)
        self.session.flush()
        self._lists(changed)
        if changed & {"venue", *PLACE_FIELDS}:
            self._venue()
        if "access" in changed:
            self._access()
        if changed & set(TIME_FIELDS):
            self._times()
        if changed & {"cost", "cost_note"}:
            self._cost()
        if changed & {"phone", "phone_note"}:
            self._phone()

    def _plain_values(self, changed: set[str]) -> None:
        service, answers = self.service, self.answers
        if "url" in changed:
            service.url = readers.web(answers["url"]) if answers.get("url") else None
        if "level" in changed:
            service.level_of_need = answers.get("level") or "universal"
        if "route" in changed:
            service.referral_route = answers.get("route") or "self"
        if "interpreter" in changed:
            service.interpreter = {"yes": True, "no": False}.get(answers.get("interpreter", ""))
        if "age_from" in changed:
            service.minimum_age_months = readers.age(answers["age_from"]) if answers.get("age_from") else None
        if "age_to" in changed:
            service.maximum_age_months = readers.age(answers["age_to"], oldest=True) if answers.get("age_to") else None
        if "wait_date" in changed:
            service.wait_time_date = readers.day(answers["wait_date"]) if answers.get("wait_date") else None
        if "checked" in changed:
            service.assured_date = readers.day(answers["checked"]) if answers.get("checked") else None

    def _organisation(self) -> None:
        if self.answers["organisation"] != "new":
            self.service.organisation_id = self.answers["organisation"]
            return
        name = self.text("organisation_name") or ""
        # A second person may have added it meanwhile.
        found = self.session.scalars(
            select(models.Organisation).where(
                func.lower(models.Organisation.name) == name.lower(), models.Organisation.area_id == self.service.area_id
            )
        ).first()
        if found is None:
            found = models.Organisation(name=name, area_id=self.service.area_id)
            self.session.add(found)
            self.session.flush()
        self.service.organisation_id = found.id

    def _lists(self, changed: set[str]) -> None:
        service, answers = self.service, self.answers
        if "needs" in changed:
            self._needs(set(answers.get("needs", "").split()))
        if "modes" in changed:
            wanted = set(answers.get("modes", "").split())
            service.modes = [row for row in service.modes if row.mode in wanted]
            have = {row.mode for row in service.modes}
            service.modes += [models.ServiceMode(service_id=service.id, mode=mode) for mode in sorted(wanted - have)]
        if "areas" in changed:
            named = lines(answers.get("areas", ""))
            service.service_areas = [row for row in service.service_areas if row.name in named]
            known = {row.name for row in service.service_areas}
            service.service_areas += [models.ServiceArea(service_id=service.id, name=name) for name in named if name not in known]
        if "languages" in changed:
            codes = readers.languages(answers.get("languages", ""))
            service.languages = [row for row in service.languages if row.code in codes]
            spoken = {row.code for row in service.languages}
            service.languages += [models.Language(service_id=service.id, code=code) for code in codes if code not in spoken]

    def _needs(self, wanted: set[str]) -> None:
        own, have = vocabulary().name, set(needs_of(self.service))
        terms = models.TaxonomyTerm
        ids = dict(
            self.session.execute(
                select(terms.code, terms.id).join(models.Taxonomy).where(models.Taxonomy.name == own, terms.code.in_(wanted))
            )
            .tuples()
            .all()
        )
        if wanted - ids.keys():
            ids = sync_vocabulary(self.session)
        self.service.attributes = [
            row for row in self.service.attributes if row.taxonomy_term.taxonomy.name != own or row.taxonomy_term.code in wanted
        ]
        for code in sorted(wanted - have):
            row = models.Attribute(link_id=self.service.id, link_entity="service", taxonomy_term_id=ids[code])
            self.service.attributes.append(row)

    def _venue(self) -> None:
        old, chosen = first_link(self.service), self.answers.get("venue", "")
        if chosen == "new":
            chosen = self._new_place().id
        if old is not None and old.location_id == chosen:
            return
        links = {link.location_id: link for link in self.service.service_at_locations}
        if chosen and chosen not in links:
            link = models.ServiceAtLocation(service_id=self.service.id, location_id=chosen)
            self.service.service_at_locations.append(link)
            self.session.flush()
            links[chosen] = link
        if old is not None:
            # Its times move along: they are the service's, now held elsewhere.
            for schedule in self.service.schedules:
                if schedule.service_at_location_id == old.id:
                    schedule.service_at_location_id = links[chosen].id if chosen else None
            self.session.flush()
            self.service.service_at_locations.remove(old)
        self.session.flush()
        for link in self.service.service_at_locations:
            self.session.refresh(link, ["location"])

    def _new_place(self) -> models.Location:
        place = models.Location(
            area_id=self.service.area_id,
            location_type="physical",
            name=self.text("place_name") or "",
            private=self.answers.get("place_private") == "yes",
        )
        place.addresses = [
            models.Address(
                address_1=self.text("place_address") or "",
                city=self.text("place_town") or "",
                state_province=self.text("place_district") or "",
                postal_code=readers.postcode(self.answers["place_postcode"]),
            )
        ]
        self.session.add(place)
        self.session.flush()
        return place

    def _access(self) -> None:
        link = first_link(self.service)
        if link is None:
            return
        wanted = [plain_text(line) for line in lines(self.answers.get("access", ""))]
        link.location.accessibility = [row for row in link.location.accessibility if row.description in wanted]
        have = {row.description for row in link.location.accessibility}
        link.location.accessibility += [models.Accessibility(description=line) for line in wanted if line not in have]

    def _times(self) -> None:
        service = self.service
        shown = {schedule.id for schedule in shown_schedules(service)}
        link_of = {link.location_id: link.id for link in service.service_at_locations}
        service.schedules = [schedule for schedule in service.schedules if schedule.id not in shown]
        for number in range(1, ROWS + 1):
            row = {part: self.answers.get(f"t{number}_{part}", "") for part in ROW_PARTS}
            if any(row[part] for part in ROW_PARTS if part not in ("every", "at")):
                service.schedules.append(self._schedule(row, link_of))

    def _schedule(self, row: dict[str, str], link_of: dict[str, str]) -> models.Schedule:
        every = row["every"] or "week"
        monthly = every.startswith("month-")
        nth = every.removeprefix("month-").replace("last", "-1") if monthly else ""
        starts = readers.day(row["starts"]) if row["starts"] else None
        if every == "fortnight" and starts is not None:
            # The first meeting is on the day of the week that was chosen: not before the date, in the week from it.
            starts += timedelta(days=(DAYS.index(row["day"]) - starts.weekday()) % 7)
        return models.Schedule(
            service_id=self.service.id,
            service_at_location_id=link_of.get(row["at"]),
            freq=None if every == "once" else "MONTHLY" if monthly else "WEEKLY",
            interval=2 if every == "fortnight" else 1,
            byday=None if every == "once" else f"{nth}{row['day']}",
            dtstart=starts,
            until=readers.day(row["ends"]) if row["ends"] else None,
            opens_at=readers.clock(row["opens"]) if row["opens"] else None,
            closes_at=readers.clock(row["closes"]) if row["closes"] else None,
            description=plain_text(row["note"]) or None,
        )

    def _cost(self) -> None:
        cost, text = first_cost(self.service), self.answers.get("cost", "")
        note = self.text("cost_note")
        if not text and note is None:
            if cost is not None:
                self.service.cost_options.remove(cost)
            return
        if cost is None:
            cost = models.CostOption(service_id=self.service.id)
            self.service.cost_options.append(cost)
        cost.amount = readers.pounds(text) if text else None
        # A parent is shown the words, so the price is among them.
        price = "" if note and "£" in note else said_price(cost.amount)
        cost.amount_description = " ".join(filter(None, (price, note))) or None

    def _phone(self) -> None:
        phone, number = first_phone(self.service), self.answers.get("phone", "")
        if not number:
            if phone is not None:
                self.service.phones.remove(phone)
            return
        if phone is None:
            phone = models.Phone(service_id=self.service.id, type="voice")
            self.service.phones.append(phone)
        phone.number, phone.description = readers.phone(number), self.text("phone_note")

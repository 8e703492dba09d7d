"""What a center's database holds, asked in one query and told in the words of `oracle.Count`."""

from __future__ import annotations

from typing import Any

from e2e.oracle import Count

_STATE = """
with e as (select * from center.encounter where facility = '{facility}'),
     o as (select * from center.clinical_order where facility = '{facility}')
select json_build_object(
  'encounters', (select count(*) from e),
  'encounters_by_class', (select coalesce(json_object_agg(class, n), '{{}}') from
    (select class, count(*) as n from e where state <> 'cancelled' group by 1) c),
  'ed_arrivals', (select count(*) from e where ed_arrived_at is not null and state <> 'cancelled'),
  'ed_census', (select count(*) from e where state = 'present' and in_ed),
  'waiting', (select coalesce(json_object_agg(level, n), '{{}}') from
    (select coalesce(triage_level::text, 'unknown') as level, count(*) as n from e
     where state = 'present' and in_ed and seen_at is null group by 1) w),
  'inpatients', (select count(*) from e where state = 'present' and class = 'I'),
  'beds_occupied', (select count(*) from e where state = 'present' and class = 'I' and not in_ed and bed is not null),
  'orders', (select coalesce(json_object_agg(kind, n), '{{}}') from
    (select kind, count(*) as n from o group by 1) k),
  'turnaround', (select coalesce(json_object_agg(kind, seconds), '{{}}') from
    (select kind, array_agg(extract(epoch from resulted_at - ordered_at)::float order by resulted_at - ordered_at)
     as seconds from o where cancelled_at is null and resulted_at is not null and ordered_at is not null group by 1) t)
)
"""


def query(facility: str) -> str:
    """SQL that gives one JSON object about a facility: what `told` of the second reader must equal."""
    return " ".join(_STATE.format(facility=facility).split())


def told(count: Count) -> dict[str, Any]:
    """The same of the second reader; messages are compared apart, since a table of them has no facts."""
    names = ("encounters", "encounters_by_class", "ed_arrivals", "ed_census", "waiting", "inpatients", "beds_occupied")
    turnaround = {kind: list(seconds) for kind, seconds in count.turnaround.items()}
    return {name: getattr(count, name) for name in names} | {"orders": count.orders, "turnaround": turnaround}


FACTS = (
    "movement", "statement", "encounter", "clinical_order", "diagnosis", "appointment", "referral", "prescription",
    "vaccination", "document", "bed", "contact", "guidance",
)  # fmt: skip


def fingerprint(facility: str) -> str:
    """SQL that gives (table, rows, digest of all they say) of a facility's facts, but for when each row was written and
    what number it got."""
    own = "array['id', 'updated_at', 'cancelled_by']"
    return " union all ".join(
        f"select '{table}', count(*), coalesce(md5(string_agg(said, ',' order by said)), '') from "
        f"(select (to_jsonb(t) - {own})::text as said from center.{table} t where facility = '{facility}') {table}"
        for table in FACTS
    )

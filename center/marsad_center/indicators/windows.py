"""What is read of a facility: indexed SQL whose cost is bounded by who is present and by the windows, not by history.

Every query is given the facilities ($1); a windowed one also the beginning of its window ($2), the latest time that
counts ($3: senders' clocks may be a minute ahead) and, where it asks for it, the clock ($4). It gives one row a
facility and part (specialty, triage level; what means one specialty may be several), with a column a count (a number)
or a column of durations (a list of seconds). Roles: analytics, which can read nothing that names a patient or a visit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

HOUR, DAY, WEEK, MONTH = timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30)

CTAS_MINUTES = (1, 15, 30, 60, 120)
"""To the physician, for levels 1 to 5 (CTAS says 0 for level 1: within the minute, which is how times are noted)."""


@dataclass(frozen=True, slots=True)
class Query:
    """One look at one table. The flags: which of the columns specialty (as it was said), triage_level and tier (from
    and to which level, null where one is not known) it gives; `coded`: instead of specialty, specialty_system,
    specialty_code and specialty_display."""

    sql: str
    span: timedelta = timedelta()
    clock: bool = False
    specialty: bool = False
    triage: bool = False
    tier: bool = False
    coded: bool = False

    @property
    def meant(self) -> str:
        """The query with the column `meaning`, what the specialty is called (migration 0028). Looked up once a row of
        the answer, not once a visit."""
        if not self.specialty:
            return self.sql
        said = "specialty_system, specialty_code, specialty_display" if self.coded else "'', specialty, ''"
        return f"SELECT *, specialty_name(facility, {said}) AS meaning FROM ({self.sql}) AS told"  # noqa: S608


def _waits(until: str, when: str = "true") -> str:
    """The list of seconds from arrival to `until`, where that is known and lies neither before nor ahead ($3)."""
    return (
        f"array_agg(floor(date_part('epoch', {until} - ed_arrived_at))::bigint)"
        f" FILTER (WHERE {until} >= ed_arrived_at AND {until} <= $3 AND {when})"
    )


# A patient boards when he was admitted, or is to be, and is still in the ED.
PRESENT = Query(
    """
SELECT facility, specialty, triage_level, count(*) FILTER (WHERE in_ed) AS census,
       count(*) FILTER (WHERE in_ed AND seen_at IS NULL) AS waiting,
       count(*) FILTER (WHERE boards) AS boarders,
       count(*) FILTER (WHERE in_ed AND ventilated) AS ventilated,
       count(*) FILTER (WHERE NOT in_ed AND class = 'I' AND bed IS NOT NULL) AS in_beds,
       min(coalesce(least(decided_at, admitted_at), ed_arrived_at)) FILTER (WHERE boards) AS boarding_since
  FROM (SELECT *, in_ed AND (decided_at IS NOT NULL OR class = 'I') AS boards
          FROM (SELECT facility, specialty, triage_level, in_ed, seen_at, decided_at, admitted_at, ed_arrived_at,
                       ventilated, class, bed
                  FROM encounter WHERE state = 'present' AND facility = ANY ($1)) AS visit) AS visit
 GROUP BY 1, 2, 3""",
    specialty=True,
    triage=True,
)

# Visits to the ED by arrival, and the waits from it. A visit counts for its limit once it was seen or the limit is
# over.
ARRIVED = Query(
    f"""
SELECT facility, specialty, triage_level,
       count(*) FILTER (WHERE ed_arrived_at > $4::timestamptz - interval '1 hour') AS arrivals,
       count(*) FILTER (WHERE triage_level IS NOT NULL
                            AND (seen_at IS NOT NULL OR $4::timestamptz - ed_arrived_at > within)) AS limits,
       count(*) FILTER (WHERE seen_at - ed_arrived_at <= within) AS within_limits,
       {_waits("triaged_at")} AS triage,
       {_waits("seen_at")} AS doctor,
       {_waits("offloaded_at", "arrival_mode = 'ambulance'")} AS offload
  FROM (SELECT facility, specialty, triage_level, ed_arrived_at, triaged_at, seen_at, offloaded_at, arrival_mode,
               make_interval(mins => (ARRAY[{", ".join(map(str, CTAS_MINUTES))}])[triage_level]) AS within
          FROM encounter WHERE facility = ANY ($1) AND state <> 'cancelled'
           AND ed_arrived_at > $2 AND ed_arrived_at <= $3) AS visit
 GROUP BY 1, 2, 3""",  # noqa: S608 - constants
    span=DAY,
    clock=True,
    specialty=True,
    triage=True,
)

# Visits to the ED by departure: discharged, transferred, or moved to a ward. The disposition of whoever left without
# being seen is LWBS, whatever the sender calls it (gateway/movements.py).
LEFT = Query(
    f"""
SELECT facility, specialty, triage_level, count(*) AS left_ed,
       count(*) FILTER (WHERE ed_departed_at - ed_arrived_at <= interval '4 hours') AS left_in_four_hours,
       count(*) FILTER (WHERE seen_at IS NOT NULL) AS left_seen,
       count(*) FILTER (WHERE disposition = 'LWBS' OR (seen_at IS NULL AND admitted_at IS NULL)) AS left_unseen,
       count(*) FILTER (WHERE disposition = 'LWBS') AS left_lwbs,
       {_waits("ed_departed_at")} AS stay
  FROM encounter
 WHERE facility = ANY ($1) AND state <> 'cancelled' AND ed_arrived_at IS NOT NULL
   AND ed_departed_at > $2 AND ed_departed_at <= $3
 GROUP BY 1, 2, 3""",  # noqa: S608 - constants
    span=DAY,
    specialty=True,
    triage=True,
)
# A decision counts once the patient has left the ED or two hours are over.
DECIDED = Query(
    """
SELECT facility, specialty, triage_level,
       count(*) FILTER (WHERE ed_departed_at IS NOT NULL OR decided_at < $4::timestamptz - interval '2 hours')
           AS decided,
       count(*) FILTER (WHERE ed_departed_at - decided_at <= interval '2 hours') AS departed_in_two_hours
  FROM encounter
 WHERE facility = ANY ($1) AND state <> 'cancelled' AND ed_arrived_at IS NOT NULL
   AND decided_at > $2 AND decided_at <= $3
 GROUP BY 1, 2, 3""",
    span=DAY,
    clock=True,
    specialty=True,
    triage=True,
)
# The last to get a bed, of those who arrived within two days.
BEDDED = Query(
    """
SELECT code AS facility, greatest(0, date_part('epoch', bedded_at - ed_arrived_at))::float8 AS seconds
  FROM unnest($1::text[]) AS code CROSS JOIN LATERAL (
       SELECT bedded_at, ed_arrived_at FROM encounter
        WHERE facility = code AND state <> 'cancelled'
          AND ed_arrived_at > $2::timestamptz - interval '1 day' AND bedded_at > $2 AND bedded_at <= $3
        ORDER BY bedded_at DESC, ed_arrived_at LIMIT 1) AS last""",
    span=DAY,
)

DISCHARGED = Query(
    """
SELECT facility, specialty, count(*) AS discharges,
       sum(floor(date_part('epoch', discharged_at - admitted_at)))::bigint AS inpatient_seconds
  FROM encounter
 WHERE facility = ANY ($1) AND discharged_at > $2 AND discharged_at <= $3 AND admitted_at <= discharged_at
   AND state = 'departed'
 GROUP BY 1, 2""",
    span=MONTH,
    specialty=True,
)
# Bed-days of the window. A facility that was connected later is only observed from its first discharge on.
OCCUPIED = Query(
    """
SELECT code AS facility, floor(date_part('epoch', $4::timestamptz - since))::bigint AS observed_seconds,
       (SELECT coalesce(sum(floor(greatest(0, date_part(
                   'epoch', least(until, $4::timestamptz) - greatest(admitted_at, since))))), 0)
          FROM (SELECT admitted_at, discharged_at AS until FROM encounter
                 WHERE facility = code AND state = 'departed' AND admitted_at <= discharged_at
                   AND discharged_at > since AND discharged_at <= $3
                UNION ALL
                SELECT admitted_at, $4::timestamptz FROM encounter
                 WHERE facility = code AND state = 'present' AND class = 'I' AND admitted_at < $4::timestamptz) AS stay
       )::bigint AS occupied_seconds
  FROM (SELECT code, greatest($2, first.discharged_at) AS since
          FROM unnest($1::text[]) AS code CROSS JOIN LATERAL (
               SELECT discharged_at FROM encounter WHERE facility = code AND discharged_at IS NOT NULL
                ORDER BY discharged_at LIMIT 1) AS first) AS observed
 WHERE since < $4::timestamptz""",
    span=MONTH,
    clock=True,
)
CLEANED = Query(
    """
SELECT facility, bed, at, status FROM bed_status WHERE facility = ANY ($1) AND at > $2 AND at <= $3
 ORDER BY facility, bed, at, received_at, id""",
    span=2 * DAY,  # a turn that ended within the last day began before it
)

# The specialty that asked; of an order that does not say it, and always of the triage level, what its visit says.
RESULTED = Query(
    """
SELECT facility, specialty, triage_level, array_agg(seconds) FILTER (WHERE kind = 'lab') AS lab,
       array_agg(seconds) FILTER (WHERE kind = 'radiology') AS radiology
  FROM (SELECT facility, specialty, triage_level, kind,
               floor(date_part('epoch', resulted_at - ordered_at))::bigint AS seconds
          FROM order_turnaround
         WHERE facility = ANY ($1) AND kind IN ('lab', 'radiology') AND resulted_at > $2 AND resulted_at <= $3
           AND ordered_at <= resulted_at AND cancelled_at IS NULL) AS resulted
 GROUP BY 1, 2, 3""",
    span=DAY,
    specialty=True,
    triage=True,
)

APPOINTED = Query(
    """
SELECT facility, specialty_system, specialty_code, specialty_display,
       count(*) FILTER (WHERE status IN ('arrived', 'completed') AND virtual) AS kept_virtual,
       count(*) FILTER (WHERE status IN ('arrived', 'completed') AND NOT virtual) AS kept_in_person,
       count(*) FILTER (WHERE status = 'no_show') AS missed,
       count(*) FILTER (WHERE status IN ('arrived', 'completed', 'no_show')) AS appointed
  FROM appointment WHERE facility = ANY ($1) AND starts_at > $2 AND starts_at <= $3
 GROUP BY 1, 2, 3, 4""",
    span=WEEK,
    specialty=True,
    coded=True,
)
CONSULTED = Query(
    """
SELECT facility, specialty, count(*) FILTER (WHERE class = 'V') AS visits_virtual,
       count(*) FILTER (WHERE class = 'O') AS visits_in_person
  FROM encounter
 WHERE facility = ANY ($1) AND class IN ('O', 'V') AND ed_arrived_at IS NULL AND state IN ('present', 'departed')
   AND arrived_at > $2 AND arrived_at <= $3
 GROUP BY 1, 2""",
    span=WEEK,
    specialty=True,
)

# Whoever was seen or reported on was accepted, though nobody said so. One that two facilities tell of counts once, at
# the one that refers.
REFERRED = Query(
    """
SELECT r.facility, specialty_system, specialty_code, specialty_display,
       CASE WHEN s.level IS NOT NULL AND t.level IS NOT NULL THEN s.level || ' > ' || t.level END AS tier,
       count(*) AS referred,
       count(*) FILTER (WHERE status IN ('accepted', 'seen', 'reported')) AS referrals_accepted,
       count(*) FILTER (WHERE reported_at IS NOT NULL) AS referrals_reported,
       count(*) FILTER (WHERE to_facility <> '') AS referrals_placed,
       count(*) FILTER (WHERE to_facility IN (
           SELECT code FROM facility WHERE active
           UNION ALL SELECT sending_facility FROM feed WHERE active)) AS referrals_in_region
  FROM referral r
       LEFT JOIN facility s ON s.active
           AND s.code = coalesce(nullif(r.origin, ''), nullif(r.from_facility, ''), r.facility)
       LEFT JOIN facility t ON t.active AND t.code = r.to_facility
 WHERE r.facility = ANY ($1) AND submitted_at > $2 AND submitted_at <= $3
   AND counted AND status IS DISTINCT FROM 'cancelled'
 GROUP BY 1, 2, 3, 4, 5""",
    span=MONTH,
    specialty=True,
    coded=True,
    tier=True,
)

PRESCRIBED = Query(
    """
SELECT facility, count(*) AS issued, count(*) FILTER (WHERE dispensed_at IS NOT NULL) AS dispensed
  FROM prescription WHERE facility = ANY ($1) AND issued_at > $2 AND issued_at <= $3
   AND status IS DISTINCT FROM 'cancelled'
 GROUP BY 1""",
    span=DAY,
)
VACCINATED = Query(
    """
SELECT facility, count(*) AS vaccinated FROM vaccination
 WHERE facility = ANY ($1) AND given_at > $2 AND given_at <= $3 AND status = 'given'
 GROUP BY 1""",
    span=DAY,
)
# Who ever told of such things: of the others nothing is known, and a count of theirs would be no 0. Of visits tells
# where somebody is or was; the first discharge is looked up in order: by the index, however many there are.
TELLS = Query(
    """
SELECT code AS facility, (EXISTS (SELECT FROM prescription WHERE facility = code))::integer AS tells_prescriptions,
       (EXISTS (SELECT FROM vaccination WHERE facility = code))::integer AS tells_vaccinations,
       (EXISTS (SELECT FROM encounter WHERE facility = code AND disposition = 'LWBS'))::integer AS tells_lwbs,
       (first.discharged_at IS NOT NULL
            OR EXISTS (SELECT FROM encounter WHERE facility = code AND state = 'present'))::integer AS tells_visits
  FROM unnest($1::text[]) AS code LEFT JOIN LATERAL (
       SELECT discharged_at FROM encounter WHERE facility = code AND discharged_at IS NOT NULL
        ORDER BY discharged_at LIMIT 1) AS first ON true"""
)

WINDOWS = (
    ARRIVED,
    LEFT,
    DECIDED,
    DISCHARGED,
    OCCUPIED,
    RESULTED,
    APPOINTED,
    CONSULTED,
    REFERRED,
    PRESCRIBED,
    VACCINATED,
    TELLS,
)

HOURS = """
SELECT facility, date_trunc('hour', ed_arrived_at, 'UTC') AS hour, count(*) AS visits
  FROM encounter
 WHERE facility = ANY ($1) AND state <> 'cancelled' AND ed_arrived_at >= $2 AND ed_arrived_at <= $3
 GROUP BY 1, 2"""

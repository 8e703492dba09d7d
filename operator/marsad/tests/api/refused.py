"""What is refused: a story, the change that a good object needs to become bad, and the exact answer.

The answer is the field and the sentence of the API server's only cause; changes are those of objects.changed. It is as
long as what is refused is manifold.
"""

from __future__ import annotations

from typing import Any

Case = tuple[tuple[str, Any], tuple[str, str]]

_EGRESS = {"name": "referrals", "cidr": "10.9.0.0/16", "ports": [{"port": 443}]}
_VOLUME = {"size": "20Gi", "storageClassName": "fast"}
_ZONE = "a time zone is written as Continent/City as in the IANA database, such as Asia/Riyadh, or UTC"
_SETTING = "database.parameters names settings of PostgreSQL in lower-case letters, such as max_connections"
_EXTERNAL = {"host": "db.example", "addresses": ["10.4.0.8/32"], "secretName": "database"}


def _listed(values: str) -> str:
    return "supported values: " + ", ".join(f'"{value}"' for value in values.split())


def _believing(header: str, sentence: str, dashboard: str = "10.20.0.7/32") -> Case:
    change = {
        "residency": {"country": "SA"},
        "allowedIngress": {"dashboard": [dashboard]},
        "identityHeader": header,
    }
    return ("spec.security", change), ("spec.security.identityHeader", f"Invalid value: {sentence}")


_OWN_HEADER = (
    "security.identityHeader may not be a header that browsers send themselves or that holds a secret: name the one "
    "that the proxy alone sets, such as X-Forwarded-User"
)

BAD_HEALTHCLUSTERS: dict[str, Case] = {
    "a code in small letters": (
        ("spec.code", "mkh"),
        ("spec.code", 'Invalid value: "mkh": code has 2 to 8 capital letters or digits, such as MKH'),
    ),
    "no code": (("spec.code", None), ("spec.code", "Required value")),
    "an unknown locale of a name": (
        ("spec.displayNames", {"de": "Mekka"}),
        ("spec.displayNames", "Invalid value: displayNames has an unknown locale: use ar, en, fr or zh"),
    ),
    "no name": (
        ("spec.displayNames", {}),
        ("spec.displayNames", "Invalid value: displayNames needs a name in at least one locale"),
    ),
    "an empty name": (
        ("spec.displayNames", {"en": ""}),
        ("spec.displayNames", "Invalid value: a display name has 1 to 120 characters"),
    ),
    "a name of two lines": (
        ("spec.displayNames", {"en": "Makkah\nHealth Cluster"}),
        ("spec.displayNames", "Invalid value: a display name is one line of text, without control characters"),
    ),
    "a region with a tab": (
        ("spec.region", "Mak\tkah"),
        ("spec.region", 'Invalid value: "Mak\\tkah": region is one line of text, without control characters'),
    ),
    "a setting of two lines": (
        ("spec.database.parameters.work_mem", "8MB\nfsync = off"),
        (
            "spec.database.parameters",
            "Invalid value: a value in database.parameters is one line of text, without control characters",
        ),
    ),
    "an empty region": (("spec.region", ""), ("spec.region", 'Invalid value: "": region may not be empty')),
    "a time zone that is an offset": (
        ("spec.timeZone", "+03:00"),
        ("spec.timeZone", f'Invalid value: "+03:00": {_ZONE}'),
    ),
    "a time zone without its continent": (
        ("spec.timeZone", "Riyadh"),
        ("spec.timeZone", f'Invalid value: "Riyadh": {_ZONE}'),
    ),
    "a release that is no version": (
        ("spec.release", "latest"),
        ("spec.release", 'Invalid value: "latest": release must be a version such as 0.1.0'),
    ),
    "an unknown size": (
        ("spec.size", "huge"),
        ("spec.size", f'Unsupported value: "huge": {_listed("small medium large")}'),
    ),
    "no replicas": (
        ("spec.overrides.gateway.replicas", 0),
        ("spec.overrides.gateway.replicas", "Invalid value: 0: replicas must be 1 to 20"),
    ),
    "an amount that is none": (
        ("spec.overrides.gateway.requests.cpu", "lots"),
        (
            "spec.overrides.gateway.requests.cpu",
            'Invalid value: "lots": an amount is a positive Kubernetes quantity such as 500m or 512Mi',
        ),
    ),
    "a request above its limit": (
        ("spec.overrides.gateway", {"requests": {"cpu": 3}, "limits": {"cpu": "2500m"}}),
        ("spec.overrides.gateway", "Invalid value: requests.cpu may not exceed limits.cpu"),
    ),
    "TLS without an authority for its senders": (
        ("spec.pipelines.hl7.tls", {}),
        ("spec.pipelines.hl7.tls.clientAuthority", "Required value"),
    ),
    "an authority in two places": (
        ("spec.pipelines.hl7.tls", {"clientAuthority": {"secretName": "a", "configMapName": "b"}}),
        (
            "spec.pipelines.hl7.tls.clientAuthority",
            "Invalid value: tls.clientAuthority names either secretName or configMapName, the object with the key "
            "ca.crt",
        ),
    ),
    "an authority in no place": (
        ("spec.pipelines.hl7.tls", {"clientAuthority": {}}),
        (
            "spec.pipelines.hl7.tls.clientAuthority",
            "Invalid value: tls.clientAuthority names either secretName or configMapName, the object with the key "
            "ca.crt",
        ),
    ),
    "a Secret in capitals": (
        ("spec.pipelines.hl7.tls", {"clientAuthority": {"secretName": "Authority"}}),
        (
            "spec.pipelines.hl7.tls.clientAuthority.secretName",
            'Invalid value: "Authority": a Secret or ConfigMap is named in lower-case letters, digits, dashes and '
            "dots, such as facility-authority",
        ),
    ),
    "names for a certificate that is brought": (
        (
            "spec.pipelines.hl7.tls",
            {"clientAuthority": {"secretName": "a"}, "secretName": "own", "names": ["hl7.example"]},
        ),
        (
            "spec.pipelines.hl7.tls",
            "Invalid value: tls.names stand in the certificate that the operator issues: leave them out where "
            "tls.secretName brings its own",
        ),
    ),
    "a name that no certificate can bear": (
        ("spec.pipelines.hl7.tls", {"clientAuthority": {"secretName": "a"}, "names": ["https://hl7.example"]}),
        (
            "spec.pipelines.hl7.tls.names[0]",
            'Invalid value: "https://hl7.example": a name of the gateway is a DNS name in lower-case letters or an '
            "address, such as hl7.makkah.example or 10.20.0.7",
        ),
    ),
    "an indicator that is no word of the catalogue": (
        ("spec.indicators", [{"id": "Occupancy"}]),
        (
            "spec.indicators[0].id",
            'Invalid value: "Occupancy": an indicator is named as in the catalogue, such as ed.occupancy',
        ),
    ),
    "an indicator with two targets": (
        ("spec.indicators", [{"id": "ed.lwbs", "target": 0.05}, {"id": "ed.lwbs", "target": 0.03}]),
        ("spec.indicators[1]", 'Duplicate value: {"id":"ed.lwbs"}'),
    ),
    "a rule that no center has": (
        ("spec.recommendations", [{"id": "bed.surg", "enabled": False}]),
        (
            "spec.recommendations[0].id",
            'Invalid value: "bed.surg": no rule is called bed.surg: the nearest is bed.surge',
        ),
    ),
    "a rule that is like none": (
        ("spec.recommendations", [{"id": "divert"}]),
        ("spec.recommendations[0].id", 'Invalid value: "divert": no rule is called divert: the nearest is ed.divert'),
    ),
    "a rule of another house": (
        ("spec.recommendations", [{"id": "overcrowding"}]),
        (
            "spec.recommendations[0].id",
            'Invalid value: "overcrowding": no rule is called overcrowding: there are bed.surge, ed.divert, ed.staff, '
            "feed.silent, results.chase",
        ),
    ),
    "a figure that the rule does not look at": (
        ("spec.recommendations", [{"id": "ed.divert", "when": [{"figure": "bed.occupancy", "threshold": 0.9}]}]),
        (
            "spec.recommendations[0].when",
            "Invalid value: rule ed.divert looks at ed.nedocs and ed.occupancy, and at nothing else",
        ),
    ),
    "a figure without the part that the rule looks at": (
        ("spec.recommendations", [{"id": "feed.silent", "when": [{"figure": "feed.freshness.p95", "threshold": 2}]}]),
        (
            "spec.recommendations[0].when",
            "Invalid value: rule feed.silent looks at feed.freshness.p95/silent and feed.freshness.p95/refused, "
            "and at nothing else",
        ),
    ),
    "a rule that is over before it began": (
        (
            "spec.recommendations",
            [{"id": "bed.surge", "when": [{"figure": "bed.occupancy", "threshold": 0.9, "release": 0.95}]}],
        ),
        (
            "spec.recommendations[0].when[0]",
            "Invalid value: release is the value to which the figure must come back: it is at most the threshold",
        ),
    ),
    "a rule that waits for a week": (
        ("spec.recommendations", [{"id": "bed.surge", "holdsForSeconds": 604800}]),
        (
            "spec.recommendations[0].holdsForSeconds",
            "Invalid value: 604800: recommendations.holdsForSeconds is a time of 0 to 86400 seconds, which is a day",
        ),
    ),
    "a rule that is declared twice": (
        ("spec.recommendations", [{"id": "ed.staff"}, {"id": "ed.staff", "enabled": False}]),
        ("spec.recommendations[1]", 'Duplicate value: {"id":"ed.staff"}'),
    ),
    "a history of no minute": (
        ("spec.history.minuteDays", 0),
        (
            "spec.history.minuteDays",
            "Invalid value: 0: history.minuteDays must be at least 1: hours are made of minutes once they are over",
        ),
    ),
    "a history of all minutes": (
        ("spec.history.minuteDays", 3650),
        (
            "spec.history.minuteDays",
            "Invalid value: 3650: history.minuteDays must be at most 366: the coarser series are for what is older",
        ),
    ),
    "a header of two words": _believing(
        "Forwarded User",
        '"Forwarded User": security.identityHeader is the name of an HTTP header, such as X-Forwarded-User',
    ),
    "a header that any browser sends": _believing("User-Agent", f'"User-Agent": {_OWN_HEADER}'),
    "a header that holds a secret": _believing("authorization", f'"authorization": {_OWN_HEADER}'),
    "a header that anybody may set": _believing(
        "X-Forwarded-User",
        "identityHeader is believed of whoever reaches the dashboard: let allowedIngress.dashboard name the proxy's "
        "own addresses, such as 10.20.0.7/32, and no range wider than /16",
        dashboard="10.0.0.0/8",
    ),
    "an external database without its address": (
        ("spec.database.engine", "external"),
        ("spec.database", "Invalid value: engine external needs the block database.external"),
    ),
    "an address for a database that Marsad runs": (
        ("spec.database.external", _EXTERNAL),
        ("spec.database", "Invalid value: the block database.external is only for engine external"),
    ),
    "an unknown engine": (
        ("spec.database.engine", "oracle"),
        ("spec.database.engine", f'Unsupported value: "oracle": {_listed("cloudnative-pg external")}'),
    ),
    "an external database that may be anywhere": (
        ("spec.database", {"engine": "external", "external": {"host": "db.example", "secretName": "database"}}),
        (
            "spec.database.external",
            "Invalid value: database.external.host is a name, and a network policy knows addresses only: "
            "say in database.external.addresses to which it leads, such as 10.4.0.8/32",
        ),
    ),
    "an external database in half the internet": (
        ("spec.database", {"engine": "external", "external": _EXTERNAL | {"addresses": ["128.0.0.0/1"]}}),
        (
            "spec.database.external.addresses[0]",
            'Invalid value: "128.0.0.0/1": an egress range wider than /8 is refused: name the destination, '
            "not the internet",
        ),
    ),
    "an impossible port": (
        ("spec.database", {"engine": "external", "external": _EXTERNAL | {"port": 70000}}),
        ("spec.database.external.port", "Invalid value: 70000: a port is a number from 1 to 65535"),
    ),
    "a database of no instances": (
        ("spec.database.instances", 0),
        ("spec.database.instances", "Invalid value: 0: database.instances must be 1 to 9"),
    ),
    "a volume of no size": (
        ("spec.database.storage.size", "plenty"),
        (
            "spec.database.storage.size",
            'Invalid value: "plenty": database.storage.size must be a positive Kubernetes quantity such as 10Gi',
        ),
    ),
    "a database that forgets what it acknowledged": (
        ("spec.database.parameters.fsync", "off"),
        (
            "spec.database.parameters",
            "Invalid value: database.parameters may not set fsync, full_page_writes or synchronous_commit: "
            "what was acknowledged must survive a crash",
        ),
    ),
    "a database that forgets, in capitals": (
        ("spec.database.parameters.Fsync", "off"),
        ("spec.database.parameters", f"Invalid value: {_SETTING}"),
    ),
    "a command of a database, in capitals": (
        ("spec.database.parameters.Archive_Cleanup_Command", "true"),
        ("spec.database.parameters", f"Invalid value: {_SETTING}"),
    ),
    **{
        f"patients in the database's log by {name}": (
            ("spec.database.parameters", {name: "1"}),
            (
                "spec.database.parameters",
                "Invalid value: database.parameters may not set log_min_messages, log_parameter_*, debug_print_*, "
                "auto_explain.* or pgaudit.log_parameter: what identifies patients may not enter a log",
            ),
        )
        for name in (
            "log_min_messages",
            "log_parameter_max_length",
            "debug_print_plan",
            "auto_explain.log_min_duration",
            "pgaudit.log_parameter",
        )
    },
    "a database without encryption": (
        ("spec.database.parameters.ssl", "off"),
        (
            "spec.database.parameters",
            "Invalid value: database.parameters may not set ssl or ssl_*: connections are always encrypted",
        ),
    ),
    "no pipeline": (
        ("spec.pipelines.hl7.enabled", False),
        (
            "spec.pipelines",
            "Invalid value: enable at least one of pipelines.hl7 and pipelines.fhir: "
            "without both nothing can be received",
        ),
    ),
    "two default locales": (
        ("spec.dashboards.locales", [{"locale": "en", "default": True}, {"locale": "ar", "default": True}]),
        ("spec.dashboards.locales", "Invalid value: exactly one of dashboards.locales must have default: true"),
    ),
    "no default locale": (
        ("spec.dashboards.locales", [{"locale": "en"}]),
        ("spec.dashboards.locales", "Invalid value: exactly one of dashboards.locales must have default: true"),
    ),
    "an unknown locale of the dashboard": (
        ("spec.dashboards.locales", [{"locale": "de", "default": True}]),
        ("spec.dashboards.locales[0].locale", f'Unsupported value: "de": {_listed("ar en fr zh")}'),
    ),
    "a promise that cannot be kept": (
        ("spec.freshness.objectiveSeconds", 9),
        (
            "spec.freshness.objectiveSeconds",
            "Invalid value: 9: freshness.objectiveSeconds must be at least 10: a shorter promise cannot be kept",
        ),
    ),
    "a promise that says nothing": (
        ("spec.freshness.objectiveSeconds", 7200),
        (
            "spec.freshness.objectiveSeconds",
            "Invalid value: 7200: freshness.objectiveSeconds must be at most 3600: older figures are not live",
        ),
    ),
    "no residency": (("spec.security.residency", None), ("spec.security.residency", "Required value")),
    "an empty residency": (
        ("spec.security.residency.country", ""),
        (
            "spec.security.residency.country",
            'Invalid value: "": a country is two capital letters as in ISO 3166-1, such as SA',
        ),
    ),
    "an egress that is no range": (
        ("spec.security.allowedEgress", [_EGRESS | {"cidr": "10.9.0.300/16"}]),
        (
            "spec.security.allowedEgress[0].cidr",
            'Invalid value: "10.9.0.300/16": an address range is written as 10.20.0.0/16 or fd00::/48',
        ),
    ),
    "an egress to the whole internet": (
        ("spec.security.allowedEgress", [_EGRESS | {"cidr": "0.0.0.0/0"}]),
        (
            "spec.security.allowedEgress[0].cidr",
            'Invalid value: "0.0.0.0/0": an egress range wider than /8 is refused: '
            "name the destination, not the internet",
        ),
    ),
    "an egress out of the jurisdiction": (
        ("spec.security.allowedEgress", [_EGRESS | {"jurisdiction": "US"}]),
        (
            "spec.security",
            "Invalid value: an allowedEgress leads to a country that security.residency does not allow: "
            "identifiable data could leave",
        ),
    ),
    "an egress without ports": (
        ("spec.security.allowedEgress", [_EGRESS | {"ports": []}]),
        ("spec.security.allowedEgress[0].ports", "Invalid value: an egress names at least one port"),
    ),
    "an ingress from everyone": (
        ("spec.security.allowedIngress.gateway", ["everyone"]),
        (
            "spec.security.allowedIngress.gateway[0]",
            'Invalid value: "everyone": an address range is written as 10.20.0.0/16 or fd00::/48',
        ),
    ),
    "an unknown deletion policy": (
        ("spec.deletionPolicy", "Forget"),
        ("spec.deletionPolicy", f'Unsupported value: "Forget": {_listed("Retain Delete")}'),
    ),
    "a name that cannot be a label": (
        ("metadata.name", "m" * 41),
        (
            "<nil>",
            "Invalid value: a HealthCluster's name has 1 to 40 lower-case letters, digits or dashes "
            "and begins with a letter",
        ),
    ),
}

BAD_FACILITIES: dict[str, Case] = {
    "a code in small letters": (
        ("spec.code", "kamc"),
        ("spec.code", 'Invalid value: "kamc": code has 2 to 16 capital letters, digits or dashes, such as KAMC'),
    ),
    "an unknown kind": (
        ("spec.kind", "Clinic"),
        ("spec.kind", f'Unsupported value: "Clinic": {_listed("Hospital PrimaryCare Polyclinic Specialised")}'),
    ),
    "an unknown level": (
        ("spec.level", "Galaxy"),
        ("spec.level", f'Unsupported value: "Galaxy": {_listed("City County Township Village")}'),
    ),
    "a place off the map": (
        ("spec.location.latitude", 91),
        ("spec.location.latitude", "Invalid value: 91: location.latitude must be -90 to 90"),
    ),
    "a feed's time zone in small letters": (
        ("spec.feeds.0.timeZone", "asia/riyadh"),
        ("spec.feeds[0].timeZone", f'Invalid value: "asia/riyadh": {_ZONE}'),
    ),
    "half a place": (("spec.location", {"latitude": 1}), ("spec.location.longitude", "Required value")),
    "negative spaces": (
        ("spec.capacity.edSpaces", -1),
        ("spec.capacity.edSpaces", "Invalid value: -1: capacity.edSpaces may not be negative"),
    ),
    "more spaces than a database can count": (
        ("spec.capacity.edSpaces", 2**31),
        ("spec.capacity.edSpaces", "Invalid value: 2147483648: capacity.edSpaces may be at most 100000"),
    ),
    "one bed too many": (
        ("spec.capacity.beds", {"icu": 100_001}),
        ("spec.capacity.beds", "Invalid value: capacity.beds may be at most 100000 of a type"),
    ),
    "a name that no database takes": (
        ("spec.displayNames", {"en": "General\x00Hospital"}),
        ("spec.displayNames", "Invalid value: a display name is one line of text, without control characters"),
    ),
    "a name with a control character beyond ASCII": (
        ("spec.displayNames", {"en": "General\x9bHospital"}),
        ("spec.displayNames", "Invalid value: a display name is one line of text, without control characters"),
    ),
    "a sender with a control character": (
        ("spec.feeds.0.sendingFacility", "SF\x7fAC"),
        (
            "spec.feeds[0].sendingFacility",
            'Invalid value: "SF\\x7fAC": sendingFacility is the first component of MSH-4, '
            "not empty and without control characters or the separators | ^ ~ & and \\",
        ),
    ),
    "a code that ends in a line break": (
        ("spec.code", "KAMC\n"),
        ("spec.code", 'Invalid value: "KAMC\\n": code has 2 to 16 capital letters, digits or dashes, such as KAMC'),
    ),
    "a feed name with a control character": (
        ("spec.feeds.0.name", "hi\x00s"),
        (
            "spec.feeds[0].name",
            'Invalid value: "hi\\x00s": a feed name has 1 to 40 lower-case letters, digits or dashes, such as his',
        ),
    ),
    "negative beds": (
        ("spec.capacity.beds", {"icu": -3}),
        ("spec.capacity.beds", "Invalid value: capacity.beds may not be negative"),
    ),
    "a bed type in capitals": (
        ("spec.capacity.beds", {"ICU": 3}),
        (
            "spec.capacity.beds",
            "Invalid value: a bed type in capacity.beds is a lower-case word such as icu or isolation",
        ),
    ),
    "one sender in two feeds": (
        ("spec.feeds.1.sendingApplication", "HIS"),
        (
            "spec.feeds",
            "Invalid value: two feeds have the same sendingApplication and sendingFacility: a sender is one feed",
        ),
    ),
    "two feeds of one name": (
        ("spec.feeds.1.name", "his"),
        ("spec.feeds[1]", 'Duplicate value: {"name":"his"}'),
    ),
    "more than the first component": (
        ("spec.feeds.0.sendingFacility", "SFAC^1.2.3^ISO"),
        (
            "spec.feeds[0].sendingFacility",
            'Invalid value: "SFAC^1.2.3^ISO": sendingFacility is the first component of MSH-4, '
            "not empty and without control characters or the separators | ^ ~ & and \\",
        ),
    ),
    "no sender": (
        ("spec.feeds.0.sendingApplication", ""),
        (
            "spec.feeds[0].sendingApplication",
            'Invalid value: "": sendingApplication is the first component of MSH-3, '
            "not empty and without control characters or the separators | ^ ~ & and \\",
        ),
    ),
    "an unknown transport": (
        ("spec.feeds.0.transport", "FAX"),
        ("spec.feeds[0].transport", f'Unsupported value: "FAX": {_listed("MLLP MLLPS FHIR FHIRS")}'),
    ),
    "a feed over TLS without a certificate": (
        ("spec.feeds.0.transport", "MLLPS"),
        (
            "spec.feeds[0]",
            "Invalid value: a feed over MLLPS or FHIRS names its client certificate: without it, whoever has one could "
            "speak for it",
        ),
    ),
    "a feed over FHIRS without a certificate": (
        ("spec.feeds.2.certificate", None),
        (
            "spec.feeds[2]",
            "Invalid value: a feed over MLLPS or FHIRS names its client certificate: without it, whoever has one could "
            "speak for it",
        ),
    ),
    "a certificate that nobody is asked for": (
        ("spec.feeds.0.certificate", {"name": "his.kamc.example"}),
        (
            "spec.feeds[0]",
            "Invalid value: certificate is for MLLPS and FHIRS: over another transport none is shown, and it would "
            "protect nothing",
        ),
    ),
    "a certificate without anything to know it by": (
        ("spec.feeds.1.certificate", {"fingerprints": []}),
        (
            "spec.feeds[1].certificate",
            "Invalid value: a certificate is known by its name, its fingerprints, or both",
        ),
    ),
    "half a fingerprint": (
        ("spec.feeds.1.certificate", {"fingerprints": ["AB:CD"]}),
        (
            "spec.feeds[1].certificate.fingerprints[0]",
            'Invalid value: "AB:CD": a fingerprint is the SHA-256 of the certificate: 64 hexadecimal digits, as '
            "`openssl x509 -fingerprint -sha256` prints them",
        ),
    ),
    "a certificate's name that is none": (
        ("spec.feeds.1.certificate.name", ""),
        (
            "spec.feeds[1].certificate.name",
            'Invalid value: "": a certificate\'s name is not empty and has no control characters',
        ),
    ),
    "a code of the profile with a separator": (
        ("spec.feeds.1.profile.triageCodes", ["11283-9^LN"]),
        (
            "spec.feeds[1].profile.triageCodes[0]",
            'Invalid value: "11283-9^LN": a code is not empty and has no control characters or the separators '
            "| ^ ~ & and \\",
        ),
    ),
    "a field of the profile that is none": (
        ("spec.feeds.1.profile.appointmentSpecialty", ["PV1.10"]),
        (
            "spec.feeds[1].profile.appointmentSpecialty[0]",
            'Invalid value: "PV1.10": a field is a segment and its number, such as PV1-10 or AIS-3',
        ),
    ),
    "a local code that means two things": (
        ("spec.codes.1.localSystem", "L"),
        ("spec.codes[1]", 'Duplicate value: {"localCode":"HB","localSystem":"L"}'),
    ),
    "a local code of no letters": (
        ("spec.codes.0.localCode", ""),
        ("spec.codes[0].localCode", 'Invalid value: "": codes are not empty and have no control characters'),
    ),
    "a local code that means nothing": (("spec.codes.0.code", None), ("spec.codes[0].code", "Required value")),
    "a platform in capitals": (
        ("spec.platforms", ["Appointments"]),
        (
            "spec.platforms",
            "Invalid value: a platform is named in lower-case letters, digits and dashes, such as appointments",
        ),
    ),
    "a platform twice": (
        ("spec.platforms", ["archive", "archive"]),
        ("spec.platforms[1]", 'Duplicate value: "archive"'),
    ),
    "a group of vaccinations in capitals": (
        ("spec.vaccination.0.name", "Measles"),
        (
            "spec.vaccination[0].name",
            'Invalid value: "Measles": a group of vaccinations has a name of 1 to 40 lower-case letters, digits or '
            "dashes, such as measles",
        ),
    ),
    "a group of vaccinations twice": (
        ("spec.vaccination.1.name", "measles"),
        ("spec.vaccination[1]", 'Duplicate value: {"name":"measles"}'),
    ),
    "a group of vaccinations without a vaccine": (
        ("spec.vaccination.0.codes", []),
        (
            "spec.vaccination[0].codes",
            "Invalid value: a group of vaccinations needs the code of one vaccine at least",
        ),
    ),
    "a vaccine twice in a group": (
        ("spec.vaccination.0.codes.1.code", "03"),
        ("spec.vaccination[0].codes[1]", 'Duplicate value: {"code":"03","system":"CVX"}'),
    ),
    "a vaccine of no code": (
        ("spec.vaccination.0.codes.0.code", ""),
        (
            "spec.vaccination[0].codes[0].code",
            'Invalid value: "": a vaccine\'s system and code are not empty and have no control characters',
        ),
    ),
    "a group of vaccinations for nobody": (
        ("spec.vaccination.0.population", 0),
        (
            "spec.vaccination[0].population",
            "Invalid value: 0: the population of a group of vaccinations is 1 at least",
        ),
    ),
    "a group of vaccinations for more than there are": (
        ("spec.vaccination.0.population", 2_000_000_001),
        (
            "spec.vaccination[0].population",
            "Invalid value: 2000000001: the population of a group of vaccinations is 2000000000 at most",
        ),
    ),
    "a group of vaccinations without a population": (
        ("spec.vaccination.0.population", None),
        ("spec.vaccination[0].population", "Required value"),
    ),
}

BAD_UPDATES: dict[str, Case] = {
    "another code": (
        ("spec.code", "MKX"),
        ("spec.code", 'Invalid value: "MKX": code cannot be changed: facts and reports are filed under it'),
    ),
    "a smaller volume": (
        ("spec.database.storage.size", "19Gi"),
        (
            "spec.database.storage.size",
            'Invalid value: "19Gi": database.storage.size may not shrink: a volume can only grow',
        ),
    ),
    "a smaller volume in other units": (
        ("spec.database.storage.size", "20000Mi"),
        (
            "spec.database.storage.size",
            'Invalid value: "20000Mi": database.storage.size may not shrink: a volume can only grow',
        ),
    ),
    "another storage class": (
        ("spec.database.storage.storageClassName", "slow"),
        (
            "spec.database.storage",
            "Invalid value: database.storage.storageClassName cannot be changed: a volume stays in its class",
        ),
    ),
    "no storage class any more": (
        ("spec.database.storage.storageClassName", None),
        (
            "spec.database.storage",
            "Invalid value: database.storage.storageClassName cannot be changed: a volume stays in its class",
        ),
    ),
    "another engine": (
        ("spec.database", {"engine": "external", "external": _EXTERNAL, "storage": _VOLUME}),
        (
            "spec.database.engine",
            'Invalid value: "external": database.engine cannot be changed: the data would not follow',
        ),
    ),
    "another country": (
        ("spec.security.residency.country", "AE"),
        (
            "spec.security.residency.country",
            'Invalid value: "AE": security.residency.country cannot be changed: the data is already held there',
        ),
    ),
}

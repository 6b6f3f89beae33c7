"""What the findings of all services say alike: ids, the instance, where an address is."""

from __future__ import annotations

import hashlib
from typing import Any, Dict

from lab.story import attack, cast
from lab.story.addresses import country_of, network_of

Finding = Dict[str, Any]
COUNTRIES = {"DE": "Germany", "NL": "Netherlands", "KR": "South Korea", "JP": "Japan", "US": "United States"}
IMAGE = "ami-0c0ffee0c0ffee001"
#: Where GuardDuty believes a country is.
PLACES = {"DE": ("Frankfurt am Main", 50.1, 8.7), "NL": ("Amsterdam", 52.4, 4.9)}


def hex_id(name: str, length: int = 32) -> str:
    """Return an id that is the same for the same name."""
    return hashlib.sha256(name.encode()).hexdigest()[:length]


def step_named(name: str) -> attack.Step:
    """Return a step of the timeline."""
    return next(step for step in attack.TIMELINE if step.name == name)


def instance_arn(instance: cast.Instance) -> str:
    """Return an instance's ARN."""
    return f"arn:aws:ec2:{cast.REGION}:{cast.PRODUCTION}:instance/{instance.id}"


def remote(address: str) -> Dict[str, Any]:
    """Return what GuardDuty says of an address on the internet."""
    network, country = network_of(address), country_of(address)
    city, latitude, longitude = PLACES[country]
    return {
        "ipAddressV4": address,
        "country": {"countryName": COUNTRIES[country]},
        "city": {"cityName": city},
        "geoLocation": {"lat": latitude, "lon": longitude},
        "organization": {
            "asn": str(network.as_number),
            "asnOrg": network.as_organization,
            "isp": network.as_organization,
            "org": network.as_organization,
        },
    }

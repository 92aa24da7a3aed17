"""Who the made-up customers are: names and places, and the company put together from them. Nobody real is meant.

Here belongs how a company is called and where it sits. What it buys does not: see `reference.py`. Every mail address
ends in `.example`, which RFC 2606 keeps free, and the tax ids have the form of their country only.
"""

from dataclasses import dataclass
from functools import cache

from pipelines.synthetic.cloud import Cloud
from pipelines.synthetic.noise import between, pick


@dataclass(frozen=True)
class Country:
    """How a company looks in one country, and how its invoice is taxed by a seller in Germany."""

    code: str
    time_zone: str
    legal_forms: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[tuple[str, str], ...]
    tax_id: str  # '#' stands for a digit
    tax_code: str
    tax_rate: str
    street_first: bool = True


GERMANY = Country(
    code="DE",
    time_zone="Europe/Berlin",
    legal_forms=("GmbH", "AG", "GmbH & Co. KG", "UG (haftungsbeschränkt)", "eG"),
    streets=("Lindenallee", "Am Speicher", "Hafenstraße", "Rosenweg", "Turbinenstraße", "Königstraße", "Alte Gasse"),
    cities=(
        ("10115", "Berlin"),
        ("20457", "Hamburg"),
        ("80339", "München"),
        ("50667", "Köln"),
        ("04109", "Leipzig"),
        ("76133", "Karlsruhe"),
        ("28195", "Bremen"),
    ),
    tax_id="DE#########",
    tax_code="standard",
    tax_rate="19",
)
AUSTRIA = Country(
    code="AT",
    time_zone="Europe/Berlin",
    legal_forms=("GmbH", "AG", "FlexCo"),
    streets=("Mariengasse", "Donaulände", "Annenstraße"),
    cities=(("1070", "Wien"), ("8020", "Graz"), ("4020", "Linz")),
    tax_id="ATU########",
    tax_code="reverse-charge",
    tax_rate="0",
)
NETHERLANDS = Country(
    code="NL",
    time_zone="Europe/Berlin",
    legal_forms=("B.V.", "N.V."),
    streets=("Keizersgracht", "Havenkade", "Molenweg"),
    cities=(("1015 CJ", "Amsterdam"), ("3011 AA", "Rotterdam"), ("3511 LX", "Utrecht")),
    tax_id="NL#########B01",
    tax_code="reverse-charge",
    tax_rate="0",
)
BRITAIN = Country(
    code="GB",
    time_zone="UTC",
    legal_forms=("Ltd", "LLP", "plc"),
    streets=("Mill Lane", "Canal Street", "Station Road"),
    cities=(("LS1 4AP", "Leeds"), ("BS1 6QF", "Bristol"), ("EH3 9QN", "Edinburgh")),
    tax_id="GB#########",
    tax_code="export",
    tax_rate="0",
    street_first=False,
)
UNITED_STATES = Country(
    code="US",
    time_zone="America/New_York",
    legal_forms=("Inc.", "LLC", "Corp."),
    streets=("Maple Street", "Harbor Avenue", "Foundry Road"),
    cities=(("02110", "Boston, MA"), ("11201", "Brooklyn, NY"), ("15222", "Pittsburgh, PA")),
    tax_id="##-#######",
    tax_code="export",
    tax_rate="0",
    street_first=False,
)
INDIA = Country(
    code="IN",
    time_zone="Asia/Kolkata",
    legal_forms=("Pvt. Ltd.", "LLP"),
    streets=("Lake Road", "Temple Street", "Residency Road"),
    cities=(("560025", "Bengaluru"), ("411001", "Pune"), ("700016", "Kolkata")),
    tax_id="29AAACM####K1Z#",
    tax_code="export",
    tax_rate="0",
    street_first=False,
)

# Most customers sit where the seller does; the others bring their month's end at another instant.
COUNTRIES = (
    GERMANY,
    GERMANY,
    GERMANY,
    AUSTRIA,
    GERMANY,
    BRITAIN,
    GERMANY,
    NETHERLANDS,
    UNITED_STATES,
    GERMANY,
    INDIA,
    GERMANY,
)

# 31 and 19 have no common factor, so 589 accounts in a row get different names.
FIRST_WORDS = (
    "Nordwind", "Kranich", "Blaufeld", "Hanse", "Lumen", "Falken", "Quarz", "Silberbach", "Orion", "Tannhof", "Ventus",
    "Morgenrot", "Kiesel", "Aurora", "Steinweg", "Delta", "Merkur", "Sonnberg", "Polar", "Rheinblick", "Atlas",
    "Waldkauz", "Novum", "Zeppel", "Isar", "Komet", "Brücken", "Elbtal", "Fjord", "Panorama", "Kobalt",
)  # fmt: skip
SECOND_WORDS = (
    "Robotics", "Logistik", "Analytics", "Medien", "Software", "Energie", "Games", "Labs", "Versand", "Optik",
    "Health", "Studios", "Maschinenbau", "Payments", "Telemetrie", "Akademie", "Reisen", "Biotech", "Handel",
)  # fmt: skip

_PLAIN_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", " ": "-"})


@dataclass(frozen=True)
class Company:
    """One customer: the number it is drawn with, its id in the books, its full name and its country."""

    number: int
    account_id: str
    name: str
    country: Country


@cache
def companies(cloud: Cloud) -> tuple[Company, ...]:
    """Return the customers; the earlier in the list, the more machines they have."""
    return tuple(_company(cloud, number) for number in range(cloud.accounts))


def _company(cloud: Cloud, number: int) -> Company:
    short_name = f"{FIRST_WORDS[number % len(FIRST_WORDS)]} {SECOND_WORDS[number % len(SECOND_WORDS)]}"
    country = COUNTRIES[number % len(COUNTRIES)]
    legal_form = pick(country.legal_forms, cloud.seed, number, "legal form")
    return Company(number, short_name.lower().translate(_PLAIN_LETTERS), f"{short_name} {legal_form}", country)


def address(cloud: Cloud, company: Company, *, moved: bool = False) -> str:
    """Return the company's postal address on one line, its parts apart by '; '."""
    names = (cloud.seed, company.number, "moved" if moved else "address")
    street, house = pick(company.country.streets, *names, "street"), between(1, 140, *names, "house")
    code, city = pick(company.country.cities, *names, "city")
    first = f"{street} {house}" if company.country.street_first else f"{house} {street}"
    second = f"{code} {city}" if company.country.street_first else f"{city} {code}"
    return f"{first}; {second}"


def tax_id(cloud: Cloud, company: Company) -> str:
    """Return a tax id in the form of the company's country."""
    digits = (str(between(1, 9, cloud.seed, company.number, "tax id", place)) for place in range(20))
    return "".join(next(digits) if letter == "#" else letter for letter in company.country.tax_id)

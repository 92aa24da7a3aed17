"""Goal: settings come from the file, the environment goes over it, and every mistake names file, key and mend."""

from decimal import Decimal
from pathlib import Path

import pytest

from resources.catalogs import Postgres
from resources.settings import FILE_NAME, SettingsError, load_settings

SELLER = '[seller]\nname = "Example"\n'


def write(directory: Path, text: str) -> Path:
    (directory / FILE_NAME).write_text(text, encoding="utf-8")
    return directory


def test_defaults_are_relative_to_the_directory(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, SELLER))
    assert settings.directory == tmp_path
    assert settings.landing == tmp_path / "landing"
    assert settings.documents == tmp_path / "documents"
    assert settings.dagster_home == tmp_path / ".dagster"
    assert settings.price_book == tmp_path / "pricebook.yaml"
    assert settings.lake.catalog == tmp_path / "lake" / "catalog.sqlite"
    assert settings.lake.data == tmp_path / "lake" / "data"
    assert (settings.memory_limit, settings.threads) == (None, None)
    assert (settings.seller.payment_days, settings.seller.grace_hours) == (14, 24)
    assert settings.tax.rate == Decimal(0)


def test_file_sets(tmp_path: Path) -> None:
    text = (
        'threads = 2\nmemory_limit = "4GB"\nlanding = "/srv/landing"\n[lake]\ncatalog = "sqlite:books/c.sqlite"\n'
        f'{SELLER}address = ["Street 1", "Town"]\n[tax]\nrate = "19.5"\n'
    )
    settings = load_settings(write(tmp_path, text))
    assert (settings.memory_limit, settings.threads, settings.landing) == ("4GB", 2, Path("/srv/landing"))
    assert settings.lake.catalog == tmp_path / "books" / "c.sqlite"
    assert settings.seller.address == ("Street 1", "Town")
    assert settings.tax.rate == Decimal("19.5")


def test_environment_goes_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, f'threads = 2\n[lake]\ncatalog = "c.sqlite"\n{SELLER}')
    monkeypatch.setenv("METERBOOK_THREADS", "7")
    monkeypatch.setenv("METERBOOK_LAKE__DATA", "big/disk")
    settings = load_settings(tmp_path)
    assert settings.threads == 7
    assert settings.lake.catalog == tmp_path / "c.sqlite", "a variable for one key keeps the table's others"
    assert settings.lake.data == tmp_path / "big" / "disk"


def test_environment_names_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for directory in (here, there):
        directory.mkdir()
        write(directory, SELLER)
    monkeypatch.chdir(here)
    assert load_settings().directory == here
    monkeypatch.setenv("METERBOOK_DIRECTORY", str(there))
    assert load_settings().directory == there
    assert load_settings(here).directory == here, "what is asked for goes over the environment"


REFUSED = {
    "no seller": ("threads = 2", ["seller", "is missing", "METERBOOK_SELLER"]),
    "unknown key": (f'colour = "red"\n{SELLER}', ["colour", "not a setting", "landing"]),
    "unknown key in a table": (f"{SELLER}\n[lake]\ncatalogue = 'x'", ["lake.catalogue", "not a setting", "catalog"]),
    "wrong type": (f'threads = "many"\n{SELLER}', ["threads", "'many'", "integer"]),
    "out of range": (f"threads = 0\n{SELLER}", ["threads", "greater than or equal to 1"]),
    "memory without unit": (f'memory_limit = "4"\n{SELLER}', ["memory_limit", "'4'"]),
    "table as text": (f'lake = "lake"\n{SELLER}', ["lake", "dictionary"]),
    "tax as float": (f"{SELLER}\n[tax]\nrate = 19.1", ["tax.rate", "19.1", 'in quotes: "19.1"']),
    "another catalog": (f"{SELLER}\n[lake]\ncatalog = 'mysql:x'", ["lake.catalog", "mysql", "not supported"]),
    "a catalog without a name": (f"{SELLER}\n[lake]\ncatalog = 'postgres:host=x'", ["lake.catalog", "needs dbname="]),
    "a catalog by its address": (f"{SELLER}\n[lake]\ncatalog = 'postgres://x/y'", ["lake.catalog", "write keywords"]),
    "number pattern": (f"{SELLER}invoice_number = 'INV-{{year}}'", ["seller.invoice_number", "{number}"]),
    "number pattern with a strange field": (f"{SELLER}invoice_number = '{{number}}{{x}}'", ["seller.invoice_number"]),
    "number pattern that does not close": (f"{SELLER}invoice_number = '{{number'", ["seller.invoice_number"]),
    "country": (f"{SELLER}country = 'Germany'", ["seller.country", "Germany"]),
    "secret": (f"{SELLER}\n[gateway]\napi_key = 'x'", ["gateway.api_key", "secret", "environment"]),
    "secret at the top": (f"smtp_password = 'x'\n{SELLER}", ["smtp_password", "secret"]),
    "alert as float": (f"{SELLER}\n[alerts]\nbelow = [20.5]", ["alerts.below", 'in quotes: "20.5"']),
    "alert never cleared": (f'{SELLER}\n[alerts]\ntop_up_percent = ["95"]', ["alerts.top_up_percent", "90"]),
    "percent of no budget": (f'{SELLER}\n[alerts]\nbudget_percent = ["80"]', ["alerts", "a budget needs both"]),
    "budget without percent": (f'{SELLER}\n[alerts]\nbudget = "80"', ["alerts", "a budget needs both"]),
    "webhook to nowhere": (f'{SELLER}\n[alerts.webhook]\nurl = "ftp://a.example"', ["alerts.webhook.url", "https://"]),
    "webhook with a password": (f'{SELLER}\n[alerts.webhook]\nurl = "https://u:p@a.example"', ["alerts.webhook.url"]),
    "webhook with its secret": (f'{SELLER}\n[alerts.webhook]\nsecret = "x"', ["alerts.webhook.secret", "environment"]),
    "mail to nobody": (f'{SELLER}\n[alerts.mail]\nhost = "m"\nsender = "a@b"', ["alerts.mail", "whom it is `to`"]),
    "mail from nobody": (f'{SELLER}\n[alerts.mail]\nhost = "m"\nto = ["a@b"]', ["alerts.mail", "`sender`"]),
    "mail to two at once": (
        f'{SELLER}\n[alerts.mail]\nhost = "m"\nsender = "a@b"\nto = ["a@b, c@d"]',
        ["alerts.mail", "stands alone"],
    ),
    "directory": (f"directory = '.'\n{SELLER}", ["directory", "where this file stands"]),
    "not TOML": ("threads = \n", ["not TOML", "line 1"]),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_mistake_names_file_key_and_mend(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, text))
    for word in [str(tmp_path / FILE_NAME), *words]:
        assert word in str(caught.value)


def test_catalog_in_postgresql(tmp_path: Path) -> None:
    keywords = "dbname=books host=db.example user=meterbook options='-c lock_timeout=5s'"
    settings = load_settings(write(tmp_path, f'{SELLER}\n[lake]\ncatalog = "postgres:{keywords}"\ndata = "d"'))
    assert settings.lake.catalog == Postgres(keywords)
    assert str(settings.lake.catalog) == f"postgres:{keywords}"
    assert Postgres(keywords).connection_text.endswith(keywords), "of two values libpq takes the last"
    assert settings.lake.data == tmp_path / "d"


@pytest.mark.parametrize(
    "catalog",
    [
        "postgres:dbname=books password=hunter2",
        "postgres:dbname=books password = 'hunter2'",
        "postgres:dbname=books sslpassword=hunter2",
        "postgres:password=hunter2",
        "postgres://meterbook:hunter2@db.example/books",
        "postgresql://meterbook:hunter2@db.example/books",
        "postgres:hunter2",
        "mysql://meterbook:hunter2@db.example/books",
    ],
)
@pytest.mark.parametrize("in_environment", [True, False])
def test_a_password_in_the_catalog_is_refused_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog: str, *, in_environment: bool
) -> None:
    if in_environment:
        write(tmp_path, SELLER)
        monkeypatch.setenv("METERBOOK_LAKE__CATALOG", catalog)
    else:
        write(tmp_path, f'{SELLER}\n[lake]\ncatalog = "{catalog}"')
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert "hunter2" not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"
    assert "catalog" in str(caught.value).lower()


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, f"threads = 0\ncolour = 1\n{SELLER}country = 'X'"))
    assert {problem.path for problem in caught.value.problems} == {"threads", "colour", "seller.country"}


def test_mistake_in_the_environment_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, SELLER)
    monkeypatch.setenv("METERBOOK_SELLER__PAYMENT_DAYS", "soon")
    with pytest.raises(SettingsError, match="environment variable METERBOOK_SELLER__PAYMENT_DAYS: is 'soon'"):
        load_settings(tmp_path)


def test_list_in_the_environment_is_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, SELLER)
    monkeypatch.setenv("METERBOOK_SELLER__ADDRESS", '["Street 2"]')
    assert load_settings(tmp_path).seller.address == ("Street 2",)
    monkeypatch.setenv("METERBOOK_SELLER", "Street 2")
    with pytest.raises(SettingsError, match="written as JSON"):
        load_settings(tmp_path)


def test_missing_file_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"run `meterbook init {tmp_path}`"):
        load_settings(tmp_path)


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, SELLER))
    with pytest.raises(ValueError, match="frozen"):
        settings.threads = 3  # type: ignore[misc]

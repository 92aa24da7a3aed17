"""Settings: one commented `meterbook.toml` in a project's directory, and environment variables over it.

What belongs here: what a person may set, its defaults, and errors that name the file, the key and the mend. What does
not: the text of a new file (`resources/templates/`) and prices (the price book). Secrets are never in the file: a key
that looks like one is refused by name. Nothing is read when this module is imported.
"""

import os
import re
import string
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import pydantic_settings
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from rating.errors import MeterbookError, Problem
from resources.alert_settings import AlertSettings
from resources.catalogs import HiddenValueError, Postgres
from resources.sections import Section, number_as_text

FILE_NAME: Final = "meterbook.toml"
PREFIX: Final = "METERBOOK_"
SECRET_KEY: Final = re.compile(r"password|passphrase|secret|token|api_?key|private_?key|credential", re.IGNORECASE)


class SettingsError(MeterbookError):
    """Settings that cannot be used; `problems` has all that was found, each with its key and its mend."""

    def __init__(self, file: Path, problems: Sequence[Problem]) -> None:
        self.file = file
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))


def _without_scheme(value: object) -> object:
    """A catalog by its kind: `sqlite:` and a path, a path alone, or `postgres:` and libpq's keywords."""
    if isinstance(value, Postgres):
        return value
    scheme, colon, rest = str(value).partition(":")
    if not colon or "/" in scheme:
        return value
    if scheme in {"postgres", "postgresql"}:
        return Postgres(rest.strip())
    if scheme != "sqlite":
        raise HiddenValueError(
            f"catalogs of kind {scheme!r} are not supported; use a path, 'sqlite:<path>' or 'postgres:<keywords>'"
        )
    return rest


class LakeSettings(Section):
    """Where the lake is: the catalog (a SQLite file, or a PostgreSQL database) and the folder of its Parquet files."""

    catalog: Annotated[Path | Postgres, BeforeValidator(_without_scheme)] = Path("lake/catalog.sqlite")
    data: Path = Path("lake/data")


class SellerSettings(Section):
    """The legal entity that invoices, as its invoices state it, and its terms."""

    name: str = Field(min_length=1)
    address: tuple[str, ...] = ()
    country: str = Field("", pattern=r"^([A-Z]{2})?$")
    tax_id: str = ""
    email: str = ""
    website: str = ""
    bank: str = ""
    registration: str = ""
    invoice_number: str = "INV-{year}-{number:06d}"
    payment_days: int = Field(14, ge=0, le=365)
    grace_hours: int = Field(24, ge=0, le=744)

    @field_validator("invoice_number")
    @classmethod
    def _has_a_number(cls, pattern: str) -> str:
        """Refuse a pattern that would give two invoices one number, or that cannot be filled."""
        names = {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
        if "number" not in names or not names <= {"year", "number"}:
            raise ValueError("it needs {number}, may have {year}, and nothing else in braces")
        pattern.format(year=2026, number=1)
        return pattern


class TaxSettings(Section):
    """The tax of an account whose own record names none; the rate is in percent."""

    code: str = "standard"
    rate: Annotated[Decimal, BeforeValidator(number_as_text)] = Field(Decimal(0), ge=0, lt=100, decimal_places=4)
    label: str = "VAT"


class Settings(BaseSettings):
    """All settings of a project. Paths in the file are relative to its directory; here they are absolute."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    directory: Path  # first, because the validators of the paths below look at it
    landing: Path = Path("landing")
    documents: Path = Path("documents")
    dagster_home: Path = Path(".dagster")
    price_book: Path = Path("pricebook.yaml")
    memory_limit: str | None = Field(None, pattern=r"^\d+(\.\d+)? ?([KMGT]i?B)$")
    threads: int | None = Field(None, ge=1)
    first_day: date = date(2026, 1, 1)
    lake: LakeSettings = LakeSettings()
    seller: SellerSettings
    tax: TaxSettings = TaxSettings()
    alerts: AlertSettings = AlertSettings()

    @field_validator("landing", "documents", "dagster_home", "price_book")
    @classmethod
    def _resolve_path(cls, path: Path, info: ValidationInfo) -> Path:
        return _beside(info, path)

    @field_validator("lake")
    @classmethod
    def _resolve_lake(cls, lake: LakeSettings, info: ValidationInfo) -> LakeSettings:
        catalog = lake.catalog if isinstance(lake.catalog, Postgres) else _beside(info, lake.catalog)
        return lake.model_copy(update={"catalog": catalog, "data": _beside(info, lake.data)})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - a name that pydantic gives
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes over the file (`init_settings`), except for where the file was found."""
        directory = InitSettingsSource(settings_cls, {"directory": init_settings().get("directory")})
        return directory, env_settings, init_settings


def load_settings(directory: Path | None = None) -> Settings:
    """Read the settings of the project in `directory`, else in METERBOOK_DIRECTORY, else in the working directory."""
    chosen = directory or Path(os.environ.get(f"{PREFIX}DIRECTORY", ""))
    file = chosen.expanduser().resolve() / FILE_NAME
    document = _read(file)
    try:
        return Settings(**{**document, "directory": file.parent})
    except ValidationError as error:
        raise SettingsError(file, [_problem(details) for details in error.errors()]) from None
    except pydantic_settings.SettingsError as error:
        mend = 'lists and tables are written as JSON in a variable: \'["Street 1", "12345 Town"]\''
        raise SettingsError(file, [Problem("environment", str(error), mend)]) from None


def _beside(info: ValidationInfo, path: Path) -> Path:
    """Make a path absolute, relative to the project's directory."""
    directory: Path = info.data["directory"]
    return (directory / path.expanduser()).resolve()


def _read(file: Path) -> dict[str, Any]:
    """Read the file; `directory` and secrets may not stand in it."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        mend = f"run `meterbook init {file.parent}` to make a project there, or name its directory with -C"
        raise SettingsError(file, [Problem("file", "not found", mend)]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(file, [Problem("file", f"cannot be read ({error})", "make it readable")]) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(file, [Problem("file", f"is not TOML ({error})", "mend that line")]) from error
    problems = _secrets_in(document)
    if "directory" in document:
        problems.append(Problem("directory", "is where this file stands", "remove the key, or move the file"))
    if problems:
        raise SettingsError(file, problems)
    return document


def _secrets_in(table: Mapping[str, Any], path: str = "") -> list[Problem]:
    """Name every key that looks like a secret: the file is made to be shown and kept under version control."""
    mend = "remove it here (and change it, if it was shown to others); secrets come from environment variables only"
    problems = []
    for key, value in table.items():
        if SECRET_KEY.search(key):
            problems.append(Problem(f"{path}{key}", "looks like a secret", mend))
        elif isinstance(value, Mapping):
            problems += _secrets_in(value, f"{path}{key}.")
    return problems


def _problem(details: ErrorDetails) -> Problem:
    """Turn one of pydantic's errors into ours: the key as the person wrote it, in the file or in the environment."""
    keys = [str(part) for part in details["loc"]]
    variable = PREFIX + "__".join(keys).upper()
    path = f"environment variable {variable}" if variable in os.environ else ".".join(keys)
    match details["type"]:
        case "missing":
            return Problem(path, "is missing", f"add it to {FILE_NAME}, or set {variable}")
        case "extra_forbidden":
            known = ", ".join(_known_keys(keys[:-1]))
            return Problem(path, "is not a setting", f"known here: {known}")
        case "value_error" if isinstance(details["ctx"]["error"], HiddenValueError):
            return Problem(path, "cannot be used", str(details["ctx"]["error"]))
        case "value_error":
            return Problem(path, f"is {details['input']!r}", str(details["ctx"]["error"]))
    return Problem(path, f"is {details['input']!r}", details["msg"])


def _known_keys(path: Sequence[str]) -> list[str]:
    """The keys that a table of the file may have."""
    model: type[BaseModel] = Settings
    for key in path:
        annotation = model.model_fields[key].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return [key for key in model.model_fields if key != "directory"]

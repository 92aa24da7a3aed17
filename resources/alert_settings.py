"""The table `[alerts]` of `meterbook.toml`: what every account is watched for, and where alerts are sent.

What belongs here: the settings and their defaults. What does not: what they mean (`rating/alerts.py`) and sending (`gateways/`).
Secrets come from the environment: METERBOOK_WEBHOOK_SECRET and METERBOOK_SMTP_PASSWORD.
"""

from decimal import Decimal
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from rating.money import plain_text
from resources.sections import Section, number_as_text

WEBHOOK: Final = "webhook"
MAIL: Final = "mail"

Exact = Annotated[Decimal, BeforeValidator(number_as_text)]
Amount = Annotated[Exact, Field(gt=-(10**13), lt=10**13, decimal_places=18)]
Above = Annotated[Exact, Field(gt=0, decimal_places=18)]
Percents = tuple[Annotated[Above, Field(le=1000)], ...]


class WebhookSettings(Section):
    """Where alerts are posted as JSON; nowhere while `url` is empty."""

    url: str = ""
    timeout_seconds: int = Field(10, ge=1, le=60)

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (
            parts.port == 0
            or parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.username
            or parts.fragment
        ):
            raise ValueError("write the address of the receiver, https://example.com/alerts, without a user in it")
        return url


class MailSettings(Section):
    """By which server alerts are mailed, and to whom; to nobody while `host` is empty."""

    host: str = ""
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    to_account: bool = False
    timeout_seconds: int = Field(10, ge=1, le=60)

    @model_validator(mode="after")
    def _has_both_ends(self) -> "MailSettings":
        if self.host and not (self.sender and (self.to or self.to_account)):
            raise ValueError("mail needs a `sender`, and whom it is `to` (or `to_account = true`)")
        if any(mark in address for address in (self.sender, *self.to) for mark in "\r\n,"):
            raise ValueError("an address stands alone, without commas or line breaks")
        return self


class AlertSettings(Section):
    """What every account is watched for that has no rule of that kind of its own, and the channels."""

    suspend: bool = True
    below: tuple[Amount, ...] = ()
    top_up_percent: tuple[Annotated[Above, Field(le=90)], ...] = ()
    hours_left: tuple[Annotated[Above, Field(le=8760)], ...] = ()
    budget: Annotated[Above, Field(lt=10**13)] | None = None
    budget_percent: Percents = ()
    deliver_seconds: int = Field(60, ge=1, le=3600)
    give_up_days: int = Field(3, ge=1, le=365)
    webhook: WebhookSettings = WebhookSettings()
    mail: MailSettings = MailSettings()

    @model_validator(mode="after")
    def _has_a_budget(self) -> "AlertSettings":
        if bool(self.budget_percent) != (self.budget is not None):
            raise ValueError('a budget needs both: budget = "1000.00" and budget_percent = ["80", "100"]')
        return self

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that are set up."""
        return tuple(name for name, place in ((WEBHOOK, self.webhook.url), (MAIL, self.mail.host)) if place)

    def usual_rules(self) -> list[dict[str, object]]:
        """The rules of accounts that have none of their kind: rule_id, kind, threshold, amount."""
        kinds = {
            "below": self.below, "top_up_percent": self.top_up_percent, "hours_left": self.hours_left,
            "budget_percent": self.budget_percent,
        }  # fmt: skip
        return [
            {
                "rule_id": f"usual-{kind}-{plain_text(threshold)}", "kind": kind, "threshold": threshold,
                "amount": self.budget if kind == "budget_percent" else Decimal(0),
            }
            for kind, thresholds in kinds.items()
            for threshold in sorted(set(thresholds))
        ]  # fmt: skip

"""Where at each vendor the URL is pasted, and what it calls its secret."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guide:
    """``where`` takes the URL; ``secret`` is what the vendor signs with, and where it is found."""

    title: str
    where: str
    secret: str


_GUIDES = {
    "square": Guide(
        "Square",
        "Developer Console, the application, Webhooks, Subscriptions, Add subscription: as its URL;"
        " then the events, Save.",
        "the subscription's Signature Key",
    ),
    "shopify": Guide(
        "Shopify",
        "Admin API, webhookSubscriptionCreate, for each topic; or the shop's admin, Settings,"
        " Notifications, Webhooks, Create webhook (JSON).",
        "the app's client secret, or the one on the shop's Webhooks page",
    ),
    "toast": Guide(
        "Toast",
        "Toast Web, Integrations, Toast API access, Manage credentials, Add webhook; partners send"
        " it to Toast's integrations team.",
        "the subscription's secret",
    ),
    "clover": Guide(
        "Clover",
        "Developer Dashboard, the app, App Settings, Webhooks: paste it, and press Send"
        " Verification Code.",
        "the Clover Auth Code",
    ),
    "lightspeed": Guide(
        "Lightspeed",
        "By its API as your OAuth app: create a webhook with it for each type. Not under /setup/api"
        " of the shop: those are not signed.",
        "the OAuth app's client secret",
    ),
    "zettle": Guide(
        "Zettle",
        "POST https://pusher.izettle.com/organizations/self/subscriptions, with it as destination.",
        "the signingKey in the answer",
    ),
    "sumup": Guide(
        "SumUp",
        "Register it for webhook events. Not as a checkout's return_url: that is not signed.",
        "the webhook's secret",
    ),
    "stripe": Guide(
        "Stripe",
        "Workbench, Webhooks, Create new destination: payload style Snapshot, the events, Webhook"
        " endpoint, as its URL.",
        "the destination's signing secret, whsec_ included",
    ),
    "adyen": Guide(
        "Adyen",
        "Customer Area, Developers, Webhooks, Create new webhook, Standard webhook: as its URL,"
        " method JSON; HMAC key under Security.",
        "the webhook's HMAC key, in hex",
    ),
    "standard": Guide(
        "the sender", "Tell it to whoever sends.", "the secret that it signs with, whsec_..."
    ),
}


def guide_of(provider: str) -> Guide:
    """Give a vendor's guide; of one that has none yet, what holds for any."""
    return _GUIDES.get(
        provider, Guide(provider, "Register it there as the webhook's URL.", "its signing secret")
    )

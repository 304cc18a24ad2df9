"""The POS vendors built so far: what each signs, and how to try a delivery by hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VendorDoc:
    """``headers``: name and what it is for. ``script`` signs ``$BODY`` with ``$SECRET``."""

    title: str
    reference: str
    signs: str
    secret: str
    headers: tuple[tuple[str, str], ...]
    script: str


VENDORS: dict[str, VendorDoc] = {
    "square": VendorDoc(
        title="Square",
        reference="https://developer.squareup.com/docs/webhooks/step3validate",
        signs="HMAC-SHA256 in base64 over the notification URL followed by the body. The URL has "
        "to be the registered one to the letter.",
        secret="The signature key of the webhook subscription, used as text.",  # noqa: S106  Says what it is.
        headers=(("X-Square-Hmacsha256-Signature", "the signature"),),
        script="""\
BODY='{"merchant_id":"MLEFBHHSJGVHD","type":"order.created","event_id":"'$(openssl rand -hex 16)'"}'
SIGNATURE=$(printf %s "$URL$BODY" | openssl dgst -sha256 -hmac "$SECRET" -binary | base64)
curl -i "$URL" -H 'Content-Type: application/json' \\
  -H "X-Square-Hmacsha256-Signature: $SIGNATURE" --data-binary "$BODY\"""",
    ),
    "shopify": VendorDoc(
        title="Shopify (POS)",
        reference="https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
        signs="HMAC-SHA256 in base64 over the body.",
        secret="The app's client secret, used as text.",  # noqa: S106  Says what it is.
        headers=(
            ("X-Shopify-Hmac-Sha256", "the signature"),
            ("X-Shopify-Webhook-Id", "the idempotency key"),
            ("X-Shopify-Topic", "the event's type"),
            ("X-Shopify-Shop-Domain", "the merchant"),
        ),
        script="""\
BODY='{"id":820982911946154508,"updated_at":"2026-11-23T10:00:00Z","total_price":"403.00"}'
SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -binary | base64)
curl -i "$URL" -H 'Content-Type: application/json' \\
  -H "X-Shopify-Hmac-Sha256: $SIGNATURE" -H "X-Shopify-Webhook-Id: $(openssl rand -hex 16)" \\
  -H 'X-Shopify-Topic: orders/create' -H 'X-Shopify-Shop-Domain: corner-cafe.myshopify.com' \\
  --data-binary "$BODY\"""",
    ),
    "toast": VendorDoc(
        title="Toast",
        reference="https://doc.toasttab.com/doc/devguide/apiMessageSigning.html",
        signs="HMAC-SHA256 in base64 over the body followed by its own `timestamp`, with nothing "
        "between. The timestamp is the event's, and may be of any age.",
        secret="The webhook subscription's secret, used as text.",  # noqa: S106  Says what it is.
        headers=(("Toast-Signature", "the signature"),),
        script="""\
AT=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
BODY='{"timestamp":"'$AT'","eventCategory":"stock","eventType":"out_of_stock",'
BODY=$BODY'"guid":"'$(openssl rand -hex 16)'","details":{"restaurantGuid":"corner-cafe"}}'
SIGNATURE=$(printf %s "$BODY$AT" | openssl dgst -sha256 -hmac "$SECRET" -binary | base64)
curl -i "$URL" -H 'Content-Type: application/json' \\
  -H "Toast-Signature: $SIGNATURE" --data-binary "$BODY\"""",
    ),
    "clover": VendorDoc(
        title="Clover",
        reference="https://docs.clover.com/dev/docs/webhooks",
        signs="Nothing: a code in a header says that it is Clover. One delivery holds updates of "
        "many merchants, and each becomes an event.",
        secret="The Clover Auth Code, which Clover shows once the verification code that it sent "  # noqa: S106  Says what it is.
        "to the URL was typed in there.",
        headers=(("X-Clover-Auth", "the code"),),
        script="""\
BODY='{"appId":"corner-app","merchants":{"corner-cafe":[{"objectId":"O:'$(openssl rand -hex 8)
BODY=$BODY'","type":"CREATE","ts":'$(date +%s)'000}]}}'
curl -i "$URL" -H 'Content-Type: application/json' \\
  -H "X-Clover-Auth: $SECRET" --data-binary "$BODY\"""",
    ),
    "lightspeed": VendorDoc(
        title="Lightspeed Retail (X-Series)",
        reference="https://x-series-api.lightspeedhq.com/docs/webhooks",
        signs="HMAC-SHA256 in hex over the body, which is a form: its field `payload` is JSON, "
        "`domain_prefix` the merchant. Only webhooks that an app made through Lightspeed's API are "
        "signed; those made by hand in the store's settings are not, and are refused.",
        secret="The OAuth application's client secret, used as text.",  # noqa: S106  Says what it is.
        headers=(("X-Signature", "`signature=...,algorithm=HMAC-SHA256`"),),
        script="""\
SALE=$(openssl rand -hex 16)
BODY="payload=%7B%22id%22%3A%22$SALE%22%2C%22version%22%3A1%2C%22total_price%22%3A12.50%7D"
BODY="$BODY&domain_prefix=corner-cafe&type=sale.update"
SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d ' ' -f 1)
curl -i "$URL" -H 'Content-Type: application/x-www-form-urlencoded' \\
  -H "X-Signature: signature=$SIGNATURE,algorithm=HMAC-SHA256" --data-binary "$BODY\"""",
    ),
    "sumup": VendorDoc(
        title="SumUp",
        reference="https://developer.sumup.com/webhook-docs/introduction/getting-started",
        signs="HMAC-SHA256 in hex over the body. Or, in `X-SumUp-Webhook-Signature`, `t=` the time "
        "of sending and `,v1=` the same over `v1:`, that time, a colon and the body; it may be "
        "five minutes off. What SumUp posts to a checkout's `return_url` is not signed, and is "
        "refused.",
        secret="The webhook's secret, used as text.",  # noqa: S106  Says what it is.
        headers=(("X-Payload-Signature", "the signature"),),
        script="""\
BODY='{"id":"'$(openssl rand -hex 16)'","event_type":"solo.transaction.updated","payload":'
BODY=$BODY'{"client_transaction_id":"sale-17","merchant_code":"MCORNER","status":"successful"},'
BODY=$BODY'"timestamp":"'$(date -u +%Y-%m-%dT%H:%M:%S.000Z)'"}'
SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d ' ' -f 1)
curl -i "$URL" -H 'Content-Type: application/json' \\
  -H "X-Payload-Signature: $SIGNATURE" --data-binary "$BODY\"""",
    ),
    "stripe": VendorDoc(
        title="Stripe (Terminal)",
        reference="https://docs.stripe.com/webhooks#verify-manually",
        signs="HMAC-SHA256 in hex over the time of sending and the body, joined with a dot. The "
        "time may be five minutes off, either way. Choose snapshot payloads at Stripe: thin ones "
        "do not hold what changed.",
        secret="The endpoint's signing secret, `whsec_` included, used as text.",  # noqa: S106  Says what it is.
        headers=(("Stripe-Signature", "`t=` the time, `,v1=` the signature; several are allowed"),),
        script="""\
NOW=$(date +%s)
BODY='{"id":"evt_'$(openssl rand -hex 16)'","object":"event","type":"payment_intent.succeeded",'
BODY=$BODY'"account":"acct_corner","created":'$NOW',"data":{"object":{"id":"pi_17"}}}'
SIGNATURE=$(printf %s "$NOW.$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d ' ' -f 1)
curl -i "$URL" -H 'Content-Type: application/json' \\
  -H "Stripe-Signature: t=$NOW,v1=$SIGNATURE" --data-binary "$BODY\"""",
    ),
    "zettle": VendorDoc(
        title="Zettle",
        reference="https://developer.zettle.com/docs/api/pusher/user-guides/create-subscriptions",
        signs="HMAC-SHA256 in hex over the body's `timestamp`, a dot and its `payload`, which is "
        "JSON written as a text. The timestamp is the event's, and may be of any age. `messageId`, "
        "`eventName` and `organizationUuid` are not signed: a delivery that somebody sends again "
        "under another `messageId` is another event of the same source, to be told by timestamp "
        "and payload.",
        secret="The `signingKey`, which Zettle gives when the subscription is made, after its test "  # noqa: S106  Says what it is.
        "message was answered.",
        headers=(("X-iZettle-Signature", "the signature"),),
        script="""\
AT=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
PAYLOAD='{"purchaseUuid":"7cdf4ae2-a110-11eb-a7f9-24cfef8c2970","amount":35300}'
TEXT=$(printf %s "$PAYLOAD" | sed 's/"/\\\\"/g')
BODY='{"organizationUuid":"corner-cafe","messageId":"'$(openssl rand -hex 16)'",'
BODY=$BODY'"eventName":"PurchaseCreated","payload":"'$TEXT'","timestamp":"'$AT'"}'
SIGNATURE=$(printf %s "$AT.$PAYLOAD" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)
curl -i "$URL" -H 'Content-Type: application/json' \\
  -H "X-iZettle-Signature: $SIGNATURE" --data-binary "$BODY\"""",
    ),
    "adyen": VendorDoc(
        title="Adyen (in person too)",
        reference="https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures",
        signs="HMAC-SHA256 in base64, inside each notification (`additionalData.hmacSignature`), "
        "over eight of its fields joined with colons: no other field, so not `eventDate`. One "
        "delivery may hold many merchant accounts' notifications; each becomes an event, and one "
        "that is not signed refuses them all. A colon is taken in `merchantReference` only.",
        secret="The webhook's HMAC key, an even number of hexadecimal digits; the key is what is "  # noqa: S106  Says what it is.
        "decoded.",
        headers=(),
        script="""\
PSP=$(openssl rand -hex 16) AT=$(date -u +%Y-%m-%dT%H:%M:%S+00:00)
SIGNED="$PSP::CornerCafe:order-17:1130:EUR:AUTHORISATION:true"
SIGNATURE=$(printf %s "$SIGNED" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$SECRET" -binary | base64)
BODY='{"live":"false","notificationItems":[{"NotificationRequestItem":{"pspReference":"'$PSP'",'
BODY=$BODY'"merchantAccountCode":"CornerCafe","merchantReference":"order-17","success":"true",'
BODY=$BODY'"amount":{"value":1130,"currency":"EUR"},"eventCode":"AUTHORISATION",'
BODY=$BODY'"eventDate":"'$AT'","additionalData":{"hmacSignature":"'$SIGNATURE'"}}}]}'
curl -i "$URL" -H 'Content-Type: application/json' --data-binary "$BODY\"""",
    ),
    "standard": VendorDoc(
        title="Standard Webhooks (your own integration)",
        reference="https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
        signs="HMAC-SHA256 in base64 over id, time of sending and body, joined with dots. The time "
        "may be five minutes off, either way.",
        secret="whsec_ and the key in base64; the key is what is decoded.",  # noqa: S106  Says what it is.
        headers=(
            ("Webhook-Id", "the idempotency key"),
            ("Webhook-Timestamp", "the time of sending, in seconds since 1970"),
            ("Webhook-Signature", "`v1,` and the signature; several, separated by spaces"),
        ),
        script="""\
BODY='{"type":"order.created","timestamp":"2026-11-23T10:00:00Z","data":{"id":"order-17"}}'
ID=msg_$(openssl rand -hex 16) NOW=$(date +%s)
KEY=$(printf %s "${SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')
SIGNATURE=$(printf %s "$ID.$NOW.$BODY" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64)
curl -i "$URL" -H 'Content-Type: application/json' -H "Webhook-Id: $ID" \\
  -H "Webhook-Timestamp: $NOW" -H "Webhook-Signature: v1,$SIGNATURE" --data-binary "$BODY\"""",
    ),
}

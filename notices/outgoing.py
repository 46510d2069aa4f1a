"""Sends a notification to a webhook or by mail, and again after a failure. The server does not connect to its own network
unless that is allowed."""

import datetime as dt
import json
import smtplib
from collections.abc import Callable

import httpx
from django.conf import settings
from django.core.mail import EmailMessage

from accounts.models import User
from notices import webhook_bodies
from notices.models import Delivery, DeliveryTimes, Notification, Webhook
from notices.rules import Channel, WebhookFormat
from studio import outbound, process_counters
from studio.errors import NotReady
from studio.formats import format_count
from studio.public_url import public_url
from studio.signed_posts import sign_post

TIMEOUT_SECONDS = 10
# Pauses after the first failure, the second, and so on; then it is not sent any more.
RETRY_PAUSES = [dt.timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480, 1440)]


class DeliveryRefused(Exception):
    """It was not sent, or the receiver refused it; the message says why."""


def deliver(delivery: Delivery) -> None:
    """Make one attempt and store its outcome."""
    if delivery.take():
        _attempt([delivery], lambda: SENDERS[Channel(delivery.channel)](delivery.notification))


def deliver_digest(deliveries: list[Delivery]) -> None:
    """Send the due notifications of one person's daily mail together, and store the outcome."""
    taken = [delivery for delivery in deliveries if delivery.take()]
    if taken:
        _attempt(taken, lambda: _send_digest([delivery.notification for delivery in taken]))


def _attempt(deliveries: list[Delivery], send: Callable[[], str]) -> None:
    try:
        answer = send()
    except DeliveryRefused as refusal:
        for delivery in deliveries:
            process_counters.count("lazuli_notifications_total", delivery.channel, "failed")
            is_last = delivery.attempts > len(RETRY_PAUSES)
            delivery.record_failure(str(refusal), None if is_last else RETRY_PAUSES[delivery.attempts - 1])
    else:
        for delivery in deliveries:
            process_counters.count("lazuli_notifications_total", delivery.channel, "sent")
            delivery.record_success(answer)


def _send_webhook(notification: Notification) -> str:
    hook = Webhook.objects.filter(person=notification.person_id).first()
    if hook is None:
        raise DeliveryRefused("The webhook no longer exists.")
    body = json.dumps(webhook_bodies.WRITERS[WebhookFormat(hook.format)](notification)).encode()
    try:
        return post_signed(hook.url, hook.secret, body)
    except NotReady as error:
        raise DeliveryRefused(error.message) from error


def post_signed(url: str, secret: str, body: bytes) -> str:
    headers = {"Content-Type": "application/json", **sign_post(body, secret)}
    try:
        pinned = outbound.pin_address(url, settings.WEBHOOK_NETWORKS)
    except outbound.NotPublic as error:
        raise DeliveryRefused(f"{error} An administrator can allow a network by WEBHOOK_NETWORKS.") from error
    headers |= pinned.headers
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = client.post(pinned.url, content=body, headers=headers, extensions=pinned.extensions)
    except httpx.HTTPError as error:
        raise DeliveryRefused(f"{type(error).__name__}: {error}") from error
    if not answer.is_success:
        raise DeliveryRefused(f"It answered {answer.status_code}.")
    return f"It answered {answer.status_code}."


def _send_mail(notification: Notification) -> str:
    return _mail(notification.person, " ".join(notification.title.split()), _mail_text(notification))


def _send_digest(notifications: list[Notification]) -> str:
    person, parts = notifications[0].person, []
    zone = DeliveryTimes.of(person).zone
    for one in sorted(notifications, key=lambda each: each.at):
        title = f"{one.title}\n" if one.detail else ""
        parts.append(f"{one.at.astimezone(zone):%Y-%m-%d %H:%M %Z}\n{title}{_mail_text(one)}")
    return _mail(person, format_count(len(parts), "notification"), "\n\n".join(parts))


def _mail_text(notification: Notification) -> str:
    link = f"\n\n{public_url(notification.path)}" if notification.path else ""
    return f"{notification.detail or notification.title}{link}\n"


def _mail(person: User, subject: str, text: str) -> str:
    if not settings.EMAIL_HOST:
        raise DeliveryRefused("Mail is not configured: an administrator sets SMTP_URL.")
    if not person.email:
        raise DeliveryRefused("Your account has no mail address.")
    try:
        EmailMessage(subject, text, settings.DEFAULT_FROM_EMAIL, [person.email]).send()
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryRefused(f"{type(error).__name__}: {error}") from error
    return f"Sent to {person.email}."


SENDERS = {Channel.WEBHOOK: _send_webhook, Channel.EMAIL: _send_mail, Channel.DIGEST: _send_mail}

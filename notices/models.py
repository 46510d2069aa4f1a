"""Notifications of people, their preferences, channels and deliveries."""

import datetime as dt
import secrets

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import User
from notices import delivery_times, rules
from notices.rules import Channel
from runs.models import Run
from studio import encryption, process_counters
from studio.errors import Conflict, Invalid
from workspaces import access
from workspaces.models import Workspace


class Event(models.TextChoices):
    JOB_FAILED = "job_failed", "One of my jobs failed"
    JOB_COMPLETED = "job_completed", "One of my jobs completed"
    JOB_FOLLOWED = "job_followed", "A job that I follow ended"
    JOB_CHILD = "job_child", "The first child of one of my jobs failed"
    JOB_OF_GROUP = "job_of_group", "A job of a member of one of my groups failed"
    JOB_WAITS = "job_waits", "One of my jobs has waited for 10 minutes"
    TOKEN_END = "token_end", "One of my tokens ends in a week"
    SIGN_IN = "sign_in", "A sign-in as me from a new address"
    MACHINE = "machine", "A machine does not respond, or is in quarantine"
    BACKUP = "backup", "A backup failed or is damaged"
    BUDGET = "budget", "One of my budgets is (nearly) used up"
    ENDPOINT = "endpoint", "An alert of one of my endpoints"
    WORKSPACE_ENDPOINT = "workspace_endpoint", "An alert of another endpoint in a workspace that I can see"
    BULK_ACT = "bulk_act", "A change of many jobs that I began ended"
    MODEL_REGISTERED = "model_registered", "A version of a model was registered"
    MODEL_ALIAS = "model_alias", "An alias of a model was set or removed"
    MODEL_STAGE = "model_stage", "A version of a model moved to another stage"
    MODEL_ARCHIVED = "model_archived", "A model was archived, deleted or restored"
    MODEL_APPROVAL = (
        "model_approval",
        "A promotion of a model waits for my approval, or one that I asked for was decided",
    )
    TEST = "test", "A test that I sent"


# The default preferences.
DEFAULTS = {
    (event, Channel.BELL)
    for event in (
        Event.JOB_FAILED,
        Event.JOB_FOLLOWED,
        Event.TOKEN_END,
        Event.SIGN_IN,
        Event.MACHINE,
        Event.BACKUP,
        Event.BUDGET,
        Event.ENDPOINT,
        Event.BULK_ACT,
        Event.MODEL_APPROVAL,
    )
}
CHOSEN = [event for event in Event if event != Event.TEST]
# Only site admins are notified of these.
OF_ADMINS = {Event.MACHINE, Event.BACKUP}


class NotificationQuerySet(models.QuerySet):
    def on_bell_of(self, user):
        return self.filter(person=user, on_bell=True)

    def count_unread(self, user) -> int:
        return self.on_bell_of(user).filter(read_at=None).count()

    def mark_read(self, user) -> None:
        """Mark this person's notifications as read."""
        self.on_bell_of(user).filter(read_at=None).update(read_at=timezone.now())
        self.store_unread(user)

    def forget_before(self, moment: dt.datetime) -> None:
        old = self.filter(at__lt=moment)
        people = list(User.objects.filter(notifications__in=old.filter(read_at=None)).distinct())
        old.delete()
        for person in people:
            self.store_unread(person)

    def store_unread(self, user) -> None:
        """Every page shows the number, and has the row of its person."""
        User.objects.filter(pk=user.pk).update(unread_notifications=Notification.objects.count_unread(user))


class Notification(models.Model):
    person = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    event = models.CharField(max_length=20, choices=Event)
    # The cause; a person gets one notification per cause.
    cause = models.CharField(max_length=100)
    title = models.CharField(max_length=200)
    detail = models.CharField(max_length=500, blank=True)
    # A path on this server.
    path = models.CharField(max_length=500, blank=True)
    # What a webhook is sent of the subject, such as {"model": "digits", "version": 3}.
    data = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=timezone.now)
    on_bell = models.BooleanField(default=True)
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["person", "cause"], name="one_notification_of_a_cause")]
        indexes = [
            models.Index(fields=["person"], condition=Q(read_at=None, on_bell=True), name="unread_notifications")
        ]

    def __str__(self):
        return self.title

    @classmethod
    def send(
        cls,
        person: User,
        event: str,
        cause: str,
        title: str,
        detail: str = "",
        path: str = "",
        data: dict | None = None,
    ) -> bool:
        """Send it by each channel that the person has chosen for the event; False if they have a notification of this
        cause."""
        channels = Preference.channels_of(person, event)
        if not channels:
            return False
        fields = {"event": event, "title": title[:200], "detail": detail[:500], "path": path[:500], "data": data or {}}
        with transaction.atomic():
            made, is_new = cls.objects.get_or_create(
                person=person, cause=cause[:100], defaults={**fields, "on_bell": Channel.BELL in channels}
            )
            if is_new:
                process_counters.count("lazuli_notifications_total", Channel.BELL, "sent")
                cls.objects.store_unread(person)
                times = DeliveryTimes.of(person)
                for channel in channels - {Channel.BELL}:
                    Delivery.objects.create(notification=made, channel=channel, due_at=times.find_due(channel))
        return is_new


class Preference(models.Model):
    """Whether a person wants notifications of an event by a channel."""

    person = models.ForeignKey(User, models.CASCADE, related_name="notification_preferences")
    event = models.CharField(max_length=20, choices=Event)
    channel = models.CharField(max_length=8, choices=Channel)
    is_on = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "event", "channel"], name="one_preference_of_event_and_channel")
        ]

    def __str__(self):
        return f"{self.event} by {self.channel}: {'on' if self.is_on else 'off'}"

    @classmethod
    def all_of(cls, person: User) -> set[tuple[str, str]]:
        """The chosen (event, channel) pairs."""
        chosen = {(row.event, row.channel): row.is_on for row in cls.objects.filter(person=person)}
        return {pair for pair in DEFAULTS if chosen.get(pair, True)} | {pair for pair, is_on in chosen.items() if is_on}

    @classmethod
    def channels_of(cls, person: User, event: str) -> set[str]:
        return {channel for wanted, channel in cls.all_of(person) if wanted == event}

    @classmethod
    def list_watchers(cls, event: str, workspace: Workspace) -> list[User]:
        """The people who have chosen the event, which is off by default, and can see the workspace."""
        chosen = cls.objects.filter(event=event, is_on=True)
        people = User.objects.filter(is_active=True, pk__in=chosen.values("person"))
        return [person for person in people if access.can(Actor(person), "read", workspace)]

    @classmethod
    def store_choices(cls, person: User, wanted: set[tuple[str, str]]) -> None:
        """Replace the choices."""
        with transaction.atomic():
            for event in CHOSEN:
                cls.store_channels(person, event, {channel for each, channel in wanted if each == event})

    @classmethod
    def store_channels(cls, person: User, event: str, channels: set[str]) -> None:
        """Replace the channels of one event."""
        with transaction.atomic():
            for channel in Channel:
                is_on = {"is_on": channel in channels}
                cls.objects.update_or_create(person=person, event=event, channel=channel, defaults=is_on)


class DeliveryTimes(models.Model):
    """When a person gets the daily mail, and the quiet hours in which mails and webhooks wait; the bell does not."""

    person = models.OneToOneField(User, models.CASCADE, related_name="delivery_times")
    time_zone = models.CharField(max_length=64, default=delivery_times.UTC)
    digest_at = models.TimeField(default=dt.time(8))
    # Both or none.
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "delivery times"

    def __str__(self):
        quiet = f", quiet from {self.quiet_from:%H:%M} to {self.quiet_until:%H:%M}" if self.quiet_from else ""
        return f"{self.digest_at:%H:%M}{quiet} ({self.time_zone})"

    @property
    def zone(self) -> dt.tzinfo:
        return delivery_times.find_zone(self.time_zone)

    @classmethod
    def of(cls, person: User) -> "DeliveryTimes":
        return cls.objects.filter(person=person).first() or cls(person=person)

    @classmethod
    def put(
        cls,
        person: User,
        time_zone: str,
        digest_at: dt.time,
        quiet_from: dt.time | None = None,
        quiet_until: dt.time | None = None,
    ) -> "DeliveryTimes":
        """Set the times, also for what waits already."""
        if (quiet_from is None) != (quiet_until is None) or (quiet_from is not None and quiet_from == quiet_until):
            raise Invalid("Write two different times for the quiet hours, or none.", target="quietUntil")
        fields = {"time_zone": rules.TIME_ZONE.check(time_zone), "digest_at": digest_at}
        fields |= {"quiet_from": quiet_from, "quiet_until": quiet_until}
        with transaction.atomic():
            times, _ = cls.objects.update_or_create(person=person, defaults=fields)
            waiting = Delivery.objects.filter(
                notification__person=person, state=Delivery.State.WAITING, attempts=0, due_at__gt=timezone.now()
            )
            for channel in set(Channel) - {Channel.BELL}:
                waiting.filter(channel=channel).update(due_at=times.find_due(channel))
        return times

    def find_due(self, channel: str) -> dt.datetime:
        """When a new notification is sent by the channel."""
        now = timezone.now()
        is_digest = channel == Channel.DIGEST
        return self.skip_quiet_hours(delivery_times.find_next(now, self.digest_at, self.zone) if is_digest else now)

    def skip_quiet_hours(self, moment: dt.datetime) -> dt.datetime:
        if self.quiet_from is None or self.quiet_until is None:
            return moment
        return delivery_times.skip_quiet_hours(moment, self.quiet_from, self.quiet_until, self.zone)


class Webhook(models.Model):
    """The URL to which a person's notifications are posted, signed with its secret."""

    person = models.OneToOneField(User, models.CASCADE, related_name="webhook")
    url = models.URLField(max_length=rules.MAX_URL_LENGTH)
    format = models.CharField(max_length=5, choices=rules.WebhookFormat, default=rules.WebhookFormat.JSON)
    # Encrypted like the key vault's secrets.
    secret_text = models.TextField(editable=False)

    def __str__(self):
        return self.url

    @property
    def owner_of_text(self) -> str:
        return f"webhook:{self.person_id}"

    @property
    def secret(self) -> str:
        return encryption.load_keys().decrypt(self.secret_text, self.owner_of_text)

    @classmethod
    def put(cls, person: User, url: str, format: str = rules.WebhookFormat.JSON) -> "Webhook | None":
        """Set URL and format; a new URL gets a new secret, an empty one deletes the webhook."""
        if not url:
            cls.objects.filter(person=person).delete()
            return None
        url = rules.WEBHOOK_URL.check(url)
        format = rules.WEBHOOK_FORMAT.check(format)
        found = cls.objects.filter(person=person).first()
        if found and found.url == url:
            cls.objects.filter(pk=found.pk).update(format=format)
            found.format = format
            return found
        made = cls(pk=found.pk if found else None, person=person, url=url, format=format)
        made.secret_text = encryption.load_keys().encrypt(secrets.token_hex(24), made.owner_of_text)
        made.save()
        return made


class DeliveryQuerySet(models.QuerySet):
    def of(self, person: User):
        """The deliveries of a person, the newest first."""
        return self.filter(notification__person=person).select_related("notification").order_by("-pk")

    def due(self):
        waiting = self.filter(state=Delivery.State.WAITING, due_at__lte=timezone.now())
        return waiting.select_related("notification__person")


class Delivery(models.Model):
    """A notification by one channel other than the bell; notices/outgoing.py sends it."""

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    # After this time, a worker that took it is considered dead.
    HOLD_TIME = dt.timedelta(minutes=1)

    notification = models.ForeignKey(Notification, models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=8, choices=Channel)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    # The last response of the receiver.
    answer = models.CharField(max_length=300, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=["due_at"], condition=Q(state="waiting"), name="deliveries_due")]
        constraints = [models.UniqueConstraint(fields=["notification", "channel"], name="one_delivery_by_a_channel")]

    def __str__(self):
        return f"{self.notification} by {self.channel}"

    def take(self) -> bool:
        """Claim it with one conditional UPDATE: of two workers, one sends it."""
        taken = Delivery.objects.filter(pk=self.pk, state=self.State.WAITING, attempts=self.attempts)
        if not taken.update(attempts=self.attempts + 1, due_at=timezone.now() + self.HOLD_TIME):
            return False
        self.attempts += 1
        return True

    def send_again(self) -> None:
        """Queue it again, whatever became of it."""
        ended = Delivery.objects.filter(pk=self.pk).exclude(state=self.State.WAITING)
        if not ended.update(state=self.State.WAITING, attempts=0, due_at=timezone.now()):
            raise Conflict("It is waiting to be sent already.")

    def record_success(self, answer: str) -> None:
        self._update(answer, state=self.State.SENT)

    def record_failure(self, answer: str, pause: dt.timedelta | None) -> None:
        """It is due again after the pause, outside the quiet hours; without one, it has failed."""
        if pause is None:
            self._update(answer, state=self.State.FAILED)
            return
        times = DeliveryTimes.of(self.notification.person)
        self._update(answer, due_at=times.skip_quiet_hours(timezone.now() + pause))

    def _update(self, answer: str, **fields) -> None:
        Delivery.objects.filter(pk=self.pk).update(answer=answer[:300], **fields)


class Follow(models.Model):
    """A person who wants a notification when this job ends."""

    person = models.ForeignKey(User, models.CASCADE, related_name="followed_runs")
    run = models.ForeignKey(Run, models.CASCADE, related_name="followers")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "run"], name="one_follow_of_a_run")]

    def __str__(self):
        return f"{self.person}: {self.run}"

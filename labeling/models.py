"""Labeling projects: the items of a data version, the labels that people give to them, and what most of them say."""

import collections

from django.db import IntegrityError, models, transaction
from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor
from accounts.models import User
from assets.data.models import DataVersion
from labeling import items, rules
from studio.errors import Conflict, Invalid
from workspaces.models import Workspace

MAX_PROJECTS = 500
BATCH = 500
# The golden ratio: whatever the number of people, their starts in the queue are far from each other.
GOLDEN = 0.6180339887


class LabelingProjectQuerySet(models.QuerySet):
    def visible_to(self, actor):
        return self.filter(workspace__in=Workspace.objects.visible_to(actor))

    def with_counts(self):
        """With the number of items, and of those that need nobody any more."""
        done = ~Q(items__state=LabelingItem.State.OPEN)
        return self.annotate(item_count=Count("items"), done_count=Count("items", filter=done))


class LabelingProject(models.Model):
    class Kind(models.TextChoices):
        IMAGE = "Image", "Image classification"
        TEXT = "Text", "Text classification"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="labeling_projects")
    name = models.CharField(max_length=rules.MAX_NAME_LENGTH)
    kind = models.CharField(max_length=10, choices=Kind)
    version = models.ForeignKey(DataVersion, models.CASCADE, related_name="labeling_projects")
    column = models.CharField(max_length=255, blank=True, help_text="The column of the table with the texts.")
    labels = models.JSONField(default=list)
    instructions = models.TextField(blank=True)
    labelers_per_item = models.PositiveSmallIntegerField(default=1)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = LabelingProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_labeling_project_of_a_name")]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("labeling:detail", args=[self.workspace.slug, self.name])

    @property
    def arm_id(self) -> str:
        return f"{self.workspace.arm_id}/labelingJobs/{self.name}"

    @classmethod
    def create(cls, actor: Actor, version: DataVersion, name: str, **fields) -> "LabelingProject":
        """`fields`: labels, and column (then texts are labeled, otherwise images), instructions, labelers_per_item."""
        workspace, column = version.workspace, fields.get("column") or ""
        row = cls(
            workspace=workspace,
            name=rules.NAME.check(name),
            kind=cls.Kind.TEXT if column else cls.Kind.IMAGE,
            version=version,
            column=column,
            labels=rules.LABELS.check(fields["labels"]),
            instructions=rules.INSTRUCTIONS.check(fields.get("instructions") or ""),
            labelers_per_item=rules.LABELERS.check(fields.get("labelers_per_item", 1)),
            created_by=actor.user,
        )
        if cls.objects.filter(workspace=workspace).count() >= MAX_PROJECTS:
            raise Conflict(f"The workspace has {MAX_PROJECTS} labeling projects, which is the maximum.")
        found = items.read_items(version, column)
        try:
            with transaction.atomic():
                row.save(force_insert=True)
                content = (
                    LabelingItem(project=row, number=number, datastore=one.datastore, path=one.path, text=one.text)
                    for number, one in enumerate(found, 1)
                )
                LabelingItem.objects.bulk_create(content, batch_size=BATCH)
                activity.record("labeling.create", row, actor=actor, scope=workspace)
        except IntegrityError as error:
            raise Conflict(
                f"There is a labeling project {name} already. Choose another name.", target="name"
            ) from error
        return row

    @transaction.atomic
    def edit(self, actor: Actor, labels: list[str], instructions: str) -> None:
        """Change the instructions, and the labels that no item has."""
        new = {"labels": rules.LABELS.check(labels), "instructions": rules.INSTRUCTIONS.check(instructions)}
        gone = set(self.labels) - set(new["labels"])
        given = LabelAnswer.objects.filter(item__project=self, label__in=gone)
        used = {row.label for found in (given, self.items.filter(label__in=gone)) for row in found[:1]}
        if used:
            raise Conflict(f"Items have the label {min(used)!r}, so it cannot be removed.", target="labels")
        changes = {name: [getattr(self, name), value] for name, value in new.items() if getattr(self, name) != value}
        self.labels, self.instructions = new["labels"], new["instructions"]
        self.save(update_fields=list(new))
        if changes:
            activity.record("labeling.edit", self, actor=actor, scope=self.workspace, changes=changes)

    @transaction.atomic
    def archive(self, actor: Actor, archived: bool) -> None:
        self.archived_at = timezone.now() if archived else None
        self.save(update_fields=["archived_at"])
        changes = {"archived": [not archived, archived]}
        activity.record("labeling.archive", self, actor=actor, scope=self.workspace, changes=changes)

    def check_open(self) -> None:
        if self.archived_at:
            raise Conflict(f"{self.name} is archived. Restore it to label its items.")

    def find_next_item(self, person: User) -> "LabelingItem | None":
        """The next open item that the person has not labeled. Each person starts at another place of the queue, so
        that two of them seldom have the same item at a time."""
        rows = self.items.filter(state=LabelingItem.State.OPEN).exclude(answers__person=person).order_by("number")
        start = int((person.pk * GOLDEN % 1) * self.items.count())
        return rows.filter(number__gt=start).first() or rows.first()

    def count_states(self) -> dict[str, int]:
        """The number of items of each state, in the order of the states."""
        rows = self.items.order_by().values_list("state").annotate(count=Count("pk"))
        found = dict(rows)
        return {state: found.get(state, 0) for state in LabelingItem.State.values}

    def count_labels(self) -> list[tuple[str, int]]:
        """The number of labeled items with each label."""
        rows = self.items.filter(state=LabelingItem.State.LABELED).order_by().values_list("label")
        found = dict(rows.annotate(count=Count("pk")))
        return [(label, found.get(label, 0)) for label in self.labels]

    def list_labelers(self) -> list[dict]:
        """People with the number of items that they labeled; `shared` are those that others have labeled too, `agreed`
        those of them in which the person said the same as most."""
        shared = Q(item__state=LabelingItem.State.LABELED, item__answer_count__gt=1, item__decided_by=None)
        rows = LabelAnswer.objects.filter(item__project=self).order_by().values("person")
        counted = rows.annotate(
            count=Count("pk"),
            skipped=Count("pk", filter=Q(label="")),
            shared=Count("pk", filter=shared),
            agreed=Count("pk", filter=shared & Q(label=F("item__label"))),
        )
        found = list(counted.order_by("-count")[:100])
        people = User.objects.in_bulk([row["person"] for row in found if row["person"]])
        return [{**row, "person": people.get(row["person"])} for row in found]


class LabelingItem(models.Model):
    class State(models.TextChoices):
        LABELED = "Labeled", "Labeled"
        REVIEW = "NeedsReview", "Needs review"
        SKIPPED = "Skipped", "Skipped"
        OPEN = "NotStarted", "Not labeled"

    project = models.ForeignKey(LabelingProject, models.CASCADE, related_name="items")
    number = models.PositiveIntegerField(help_text="The place in the queue, from 1.")
    # An image.
    datastore = models.CharField(max_length=255, blank=True)
    path = models.TextField(blank=True)
    text = models.TextField(blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    # What most people said, or the reviewer; and the share of the people who said it.
    label = models.CharField(max_length=rules.MAX_LABEL_LENGTH, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    answer_count = models.PositiveSmallIntegerField(default=0)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_labeling_item_of_a_number")]
        indexes = [models.Index(fields=["project", "state", "number"], name="labeling_items_by_state")]

    def __str__(self):
        return f"{self.project}, item {self.number}"

    @property
    def address(self) -> str:
        """The address of an image in the form of v2; empty for a text."""
        return f"azureml://datastores/{self.datastore}/paths/{self.path}" if self.path else ""

    @property
    def title(self) -> str:
        """Its path, or the start of its text."""
        return self.path or self.text[:100]

    @transaction.atomic
    def add_answer(self, person: User, label: str) -> None:
        """Store the label that a person gives; an empty one skips the item. Their earlier answer is replaced."""
        item = self._lock(label)
        known = item.answers.filter(person=person).exists()
        if item.decided_by_id or not (known or item.state == self.State.OPEN):
            raise Conflict(f"Somebody else has labeled item {item.number} meanwhile.")
        item.answers.update_or_create(person=person, defaults={"label": label, "created_at": timezone.now()})
        item._settle()

    @transaction.atomic
    def decide(self, reviewer: Actor, label: str) -> None:
        """Set the label of a reviewer, whatever the labelers said; an empty one leaves the item out."""
        item = self._lock(label)
        changes = {f"item {item.number}": [item.label, label]}
        project = item.project
        activity.record("labeling.decide", project, actor=reviewer, scope=project.workspace, changes=changes)
        item.state = self.State.LABELED if label else self.State.SKIPPED
        item.label, item.confidence, item.decided_by = label, 1.0 if label else None, reviewer.user
        item.save(update_fields=["state", "label", "confidence", "decided_by"])

    @transaction.atomic
    def return_to_queue(self, reviewer: Actor) -> None:
        """Delete its labels, so that it is labeled again."""
        item = self._lock("")
        changes = {f"item {item.number}": [item.label, ""]}
        project = item.project
        activity.record("labeling.return", project, actor=reviewer, scope=project.workspace, changes=changes)
        item.answers.all().delete()
        item.decided_by = None
        item._settle()

    def _lock(self, label: str) -> "LabelingItem":
        item = LabelingItem.objects.select_for_update(of=("self",)).select_related("project").get(pk=self.pk)
        item.project.check_open()
        if label and label not in item.project.labels:
            raise Invalid(f"{label[:60]!r} is not a label of this project.", target="label")
        return item

    def _settle(self) -> None:
        """Find out what most of the labelers said, once there are enough."""
        given = list(self.answers.values_list("label", flat=True))
        self.answer_count, self.label, self.confidence = len(given), "", None
        top, count = collections.Counter(given).most_common(1)[0] if given else ("", 0)
        if len(given) < self.project.labelers_per_item:
            self.state = self.State.OPEN
        elif 2 * count <= len(given):
            self.state = self.State.REVIEW
        elif top:
            self.state, self.label, self.confidence = self.State.LABELED, top, count / len(given)
        else:
            self.state = self.State.SKIPPED
        self.save(update_fields=["answer_count", "label", "confidence", "state", "decided_by"])


class LabelAnswer(models.Model):
    """The label that one person gave to an item; empty if they skipped it."""

    item = models.ForeignKey(LabelingItem, models.CASCADE, related_name="answers")
    person = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    label = models.CharField(max_length=rules.MAX_LABEL_LENGTH, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["item", "person"], name="one_label_of_a_person")]
        indexes = [models.Index(fields=["person", "created_at"], name="labels_by_person")]

    def __str__(self):
        return f"{self.label or 'skipped'} for {self.item}"

"""Labeling projects over REST: Azure's labelingJobs, with fields of the studio."""

from typing import Annotated, Self

from django.db.models import Count
from pydantic import Field

from labeling import models, rules
from studio.formats import utc_time
from studio.request_body import Body
from studio.schemas import Shape, SystemData

TYPE = "Microsoft.MachineLearningServices/workspaces/labelingJobs"


class LabelingProgress(Shape):
    totalDatapointCount: int
    completedDatapointCount: int
    skippedDatapointCount: int
    needsReviewDatapointCount: int

    @classmethod
    def of(cls, states: dict[str, int]) -> Self:
        state = models.LabelingItem.State
        return cls(
            totalDatapointCount=sum(states.values()),
            completedDatapointCount=states.get(state.LABELED, 0),
            skippedDatapointCount=states.get(state.SKIPPED, 0),
            needsReviewDatapointCount=states.get(state.REVIEW, 0),
        )


class LabelingProjectProperties(Shape):
    kind: str
    dataAsset: str
    dataVersion: str
    column: str
    labels: list[str]
    instructions: str
    labelersPerItem: int
    isArchived: bool
    progressMetrics: LabelingProgress


class LabelingProjectResource(Shape):
    id: str
    name: str
    type: str
    properties: LabelingProjectProperties
    systemData: SystemData

    @classmethod
    def of(cls, row: models.LabelingProject, states: dict[str, int] | None = None) -> Self:
        return cls(
            id=row.arm_id,
            name=row.name,
            type=TYPE,
            properties=LabelingProjectProperties(
                kind=row.kind,
                dataAsset=row.version.named_asset.name if row.version.asset_id else "",
                dataVersion=row.version.version,
                column=row.column,
                labels=row.labels,
                instructions=row.instructions,
                labelersPerItem=row.labelers_per_item,
                isArchived=row.archived_at is not None,
                progressMetrics=LabelingProgress.of(row.count_states() if states is None else states),
            ),
            systemData=SystemData.of(row),
        )


def count_states(rows: list[models.LabelingProject]) -> dict[int, dict[str, int]]:
    """The number of items of each state, for several projects at once."""
    found: dict[int, dict[str, int]] = {row.pk: {} for row in rows}
    items = models.LabelingItem.objects.filter(project__in=list(found)).order_by()
    for project, state, count in items.values_list("project", "state").annotate(count=Count("pk")):
        found[project][state] = count
    return found


class LabelingAnswer(Shape):
    person: str | None
    label: str
    createdAt: str | None


class LabelingItemResource(Shape):
    """An image has an address in its datastore, a text has the text."""

    number: int
    state: str
    address: str
    text: str
    label: str
    confidence: float | None
    decidedBy: str | None
    answers: list[LabelingAnswer]

    @classmethod
    def of(cls, row: models.LabelingItem) -> Self:
        """`row` with its answers, their people and `decided_by`."""
        answers = [
            LabelingAnswer(
                person=one.person.label if one.person else None, label=one.label, createdAt=utc_time(one.created_at)
            )
            for one in row.answers.all()
        ]
        return cls(
            number=row.number,
            state=row.state,
            address=row.address,
            text=row.text,
            label=row.label,
            confidence=row.confidence,
            decidedBy=row.decided_by.label if row.decided_by else None,
            answers=answers,
        )


class LabelingProjectPropertiesUpdate(Body):
    """`dataAsset`, `dataVersion`, `column` and `labelersPerItem` are those of a new project, and do not change."""

    dataAsset: str | None = None
    dataVersion: str = "latest"
    column: str | None = None
    labels: Annotated[list[str], rules.LABELS] | None = None
    instructions: Annotated[str, rules.INSTRUCTIONS] | None = None
    labelersPerItem: Annotated[int, rules.LABELERS] | None = None
    isArchived: bool | None = None


class LabelingProjectUpdate(Body):
    properties: LabelingProjectPropertiesUpdate


class LabelUpdate(Body):
    """`label` is empty to skip the item; with `isDecision` it counts whatever the labelers said."""

    label: str = Field(max_length=rules.MAX_LABEL_LENGTH)
    isDecision: bool = False


class LabelingExport(Shape):
    id: str
    name: str
    version: str

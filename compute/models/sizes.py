"""The sizes of nodes."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Lower


class VmSize(models.Model):
    """The resources of a node of this size. Administrators change, add and hide sizes; compute/sizes.py creates the
    first ones."""

    name = models.CharField(max_length=40)
    family = models.CharField(max_length=60)
    category = models.CharField(max_length=40, default="General purpose")
    vcpus = models.PositiveSmallIntegerField("vCPUs", validators=[MinValueValidator(1)])
    memory_gb = models.FloatField("memory in GB", validators=[MinValueValidator(0.1)])
    storage_gb = models.PositiveIntegerField("storage in GB", default=0)
    gpus = models.PositiveSmallIntegerField("GPUs", default=0)
    gpu = models.CharField("kind of GPU", max_length=60, blank=True)
    hourly_price = models.FloatField(
        "US dollars an hour",
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Empty: VM_PRICES decides.",
    )
    is_offered = models.BooleanField(
        "offered", default=True, help_text="If it is not offered, existing clusters keep it."
    )
    follows_machines = models.BooleanField(
        default=False,
        help_text="It grows to Azure's numbers when a larger machine connects. A change of its numbers ends this.",
    )

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(Lower("name"), name="one_size_of_a_name")]
        verbose_name = "size"

    def __str__(self):
        return self.name

    @property
    def price(self) -> float | None:
        """US dollars an hour; None if the administrator set no price."""
        return settings.VM_PRICES.get(self.name.lower()) if self.hourly_price is None else self.hourly_price

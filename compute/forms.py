"""Forms for clusters, with the rules of the API (compute/rules.py)."""

from django import forms

from accounts.edit_conflicts import EditConflicts
from compute import rules, sizes
from compute.models import Scale, VmSize
from studio.forms import NumberField, SelectField, TagsField, TextField
from studio.rules import DESCRIPTION


class ScaleForm(forms.Form):
    min_nodes = NumberField(
        rules.MIN_NODES,
        label="Minimum number of nodes",
        initial=0,
        help_text="These nodes always run, so that jobs start immediately.",
    )
    max_nodes = NumberField(
        rules.MAX_NODES, label="Maximum number of nodes", initial=1, help_text="How many jobs can run at the same time."
    )
    idle_seconds = NumberField(rules.IDLE_SECONDS, label="Idle seconds before scale down", initial=120)
    description = TextField(
        DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="Markdown is not rendered."
    )
    tags = TagsField()

    @property
    def scale(self) -> Scale:
        data = self.cleaned_data
        return Scale(data["min_nodes"], data["max_nodes"], data["idle_seconds"])


class ScaleEditForm(EditConflicts, ScaleForm):
    """Changes an existing cluster."""


class ClusterForm(ScaleForm):
    name = TextField(
        rules.COMPUTE_NAME,
        label="Compute name",
        max_length=32,
        help_text="2 to 32 letters, digits and hyphens, starting with a letter and not ending in a hyphen.",
    )
    field_order = ["name", "min_nodes", "max_nodes", "idle_seconds"]


class AgentsForm(forms.Form):
    """The settings of an inference cluster that can change."""

    agent_count = NumberField(
        rules.AGENT_COUNT, label="Number of nodes", initial=3, help_text="They run for as long as the cluster exists."
    )
    description = TextField(DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    tags = TagsField()

    @property
    def scale(self) -> Scale:
        count = self.cleaned_data["agent_count"]
        return Scale(count, count, 0)


class AgentsEditForm(EditConflicts, AgentsForm):
    """Changes an existing inference cluster."""


class InferenceForm(AgentsForm):
    name = TextField(
        rules.COMPUTE_NAME,
        label="Compute name",
        max_length=32,
        help_text="2 to 32 letters, digits and hyphens, starting with a letter and not ending in a hyphen.",
    )
    vm_size = SelectField(rules.VM_SIZE, choices=[("", "")], label="Virtual machine size")
    purpose = SelectField(
        rules.PURPOSE,
        label="Cluster purpose",
        choices=rules.Purpose.choices,
        initial=rules.Purpose.PRODUCTION,
        help_text=f"Production needs at least {rules.PRODUCTION_NODES} nodes and {rules.PRODUCTION_CORES} vCPUs in all.",
    )
    field_order = ["name", "purpose", "vm_size", "agent_count", "description", "tags"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["vm_size"].choices = [(size.name, _describe_size(size)) for size in sizes.offered_sizes()]


def _describe_size(size: VmSize) -> str:
    gpus = f", {size.gpus} × {size.gpu}" if size.gpus else ""
    return f"{size.name}: {size.vcpus} vCPU{'s' if size.vcpus != 1 else ''}, {size.memory_gb:g} GB{gpus}"


class HiddenTextarea(forms.Textarea):
    """A secret of several lines, which a page with an error does not show again."""

    def format_value(self, value):
        return ""


class AttachForm(forms.Form):
    """A machine to attach by SSH, with a credential that is entered or of the key vault."""

    address = TextField(rules.ADDRESS, help_text="Host name or IP address, as this studio reaches it.")
    port = NumberField(rules.SSH_PORT, initial=22)
    username = TextField(rules.USERNAME, label="Account", help_text="Jobs run as this account; it need not be root.")
    credential = forms.CharField(
        label="Private key or password",
        required=False,
        strip=False,
        widget=HiddenTextarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text="A complete private key without a passphrase, or a password. It is stored encrypted, never shown, and "
        "deleted when the machine has joined.",
    )
    secret = forms.ChoiceField(label="Or a secret of the key vault", required=False)
    name = TextField(
        rules.COMPUTE_NAME, required=False, label="Name in the studio", help_text="If empty, its host name."
    )
    compute_name = TextField(
        rules.COMPUTE_NAME,
        required=False,
        label="Name of the compute target",
        help_text="Jobs can be sent to this machine by this name. If empty, it only runs nodes of compute clusters.",
    )
    host_key = TextField(
        rules.FINGERPRINT,
        required=False,
        label="Fingerprint of its host key",
        help_text="If you know it, write it as SHA256:…; otherwise you compare it in the next step.",
    )

    def __init__(self, *args, secrets, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["secret"].choices = [("", "None"), *((name, name) for name in secrets)]


class MachineForm(forms.Form):
    """The first step: the kind of sizes to show."""

    kind = forms.ChoiceField(label="Virtual machine type", choices=[("cpu", "CPU"), ("gpu", "GPU")])

"""Compute targets."""

from azureml._absent import find_missing
from azureml.core.compute.aks import AksCompute
from azureml.core.compute.amlcompute import AmlCompute
from azureml.core.compute.compute import ComputeTarget
from azureml.core.compute.computeinstance import ComputeInstance
from azureml.core.compute.dsvm import DsvmCompute
from azureml.core.compute.remote import RemoteCompute

__all__ = [
    "AdlaCompute",
    "AksCompute",
    "AmlCompute",
    "BatchCompute",
    "ComputeInstance",
    "ComputeTarget",
    "DataFactoryCompute",
    "DatabricksCompute",
    "DsvmCompute",
    "HDInsightCompute",
    "KubernetesCompute",
    "KustoCompute",
    "RemoteCompute",
    "SynapseCompute",
]

__getattr__ = find_missing(__name__)

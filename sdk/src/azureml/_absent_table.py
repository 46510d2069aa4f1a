"""The modules of SDK v1 that are not available yet: the service that each needs, and its public names.

If a module exists as a file, the file is used; delete its line here.
"""

from typing import Dict, Tuple

# The service of every module whose name begins with an underscore.
PRIVATE = "a private part of SDK v1"
TELEMETRY = "the telemetry of Azure"
AZURE_COMPUTE = "a compute service of Azure"

# What to do instead, for services that will not come.
INSTEAD: Dict[str, str] = {
    AZURE_COMPUTE: "is a service of Azure, which Lazuli Studio cannot attach; use a compute cluster (AmlCompute)",
}

TABLE: Dict[str, Tuple[str, str]] = {
    "azureml.automl.core.featurization": ("automated machine learning", ""),
    "azureml.automl.core.featurization.featurizationconfig": ("automated machine learning", "FeaturizationConfig"),
    "azureml.automl.core.forecasting_parameters": ("automated machine learning", "ForecastingParameters"),
    "azureml.train.automl": ("automated machine learning", "AutoMLConfig AutoMLImageConfig get_sdk_dependencies"),
    "azureml.train.automl.automl_adb_run": ("automated machine learning", "AutoMLADBRun"),
    "azureml.train.automl.automl_model_explain": ("automated machine learning", ""),
    "azureml.train.automl.automlconfig": ("automated machine learning", "AutoMLConfig"),
    "azureml.train.automl.automlimageconfig": ("automated machine learning", "AutoMLImageConfig"),
    "azureml.train.automl.constants": (
        "automated machine learning",
        "AutoMLPipelineScenario ComputeTargets Environments ExperimentObserver Framework HTSConstants "
        "HTSSupportedInputType InferenceTypes Scenarios SupportedInputDatatypes SupportedModels Tasks "
        "TimeSeries",
    ),
    "azureml.train.automl.model_proxy": ("automated machine learning", "ModelProxy"),
    "azureml.train.automl.run": ("automated machine learning", "AutoMLRun"),
    "azureml.train.automl.utilities": ("automated machine learning", "get_primary_metrics"),
    "azureml.contrib.fairness": (
        "the fairness service",
        "DashboardValidationException download_dashboard_by_upload_id list_available_upload_ids "
        "upload_dashboard_dictionary",
    ),
    "azureml.core.compute.adla": (AZURE_COMPUTE, "AdlaCompute DataLakeAnalyticsAttachConfiguration"),
    "azureml.core.compute.batchai": (
        AZURE_COMPUTE,
        "BatchAiCompute BatchAiProvisioningConfiguration",
    ),
    "azureml.core.compute.batch": (AZURE_COMPUTE, "BatchAttachConfiguration BatchCompute"),
    "azureml.core.compute.databricks": (AZURE_COMPUTE, "DatabricksAttachConfiguration DatabricksCompute"),
    "azureml.core.compute.datafactory": (
        AZURE_COMPUTE,
        "DataFactoryAttachConfiguration DataFactoryCompute DataFactoryProvisioningConfiguration",
    ),
    "azureml.core.compute.hdinsight": (AZURE_COMPUTE, "HDInsightAttachConfiguration HDInsightCompute"),
    "azureml.core.compute.kubernetescompute": (
        AZURE_COMPUTE,
        "KubernetesCompute KubernetesComputeAttachConfiguration KubernetesComputeStatus",
    ),
    "azureml.core.compute.kusto": (AZURE_COMPUTE, "KustoAttachConfiguration KustoCompute"),
    "azureml.core.compute.synapse": (AZURE_COMPUTE, "SynapseAttachConfiguration SynapseCompute"),
    "azureml.core.dataset": ("the dataset service", "Dataset"),
    "azureml.data": (
        "the dataset service",
        "DataType DatacacheStore FileDataset HDFSOutputDatasetConfig LinkFileOutputDatasetConfig "
        "LinkTabularOutputDatasetConfig OutputFileDatasetConfig TabularDataset",
    ),
    "azureml.data.abstract_dataset": ("the dataset service", "AbstractDataset"),
    "azureml.data.abstract_datastore": ("the dataset service", "AbstractDatastore"),
    "azureml.data.azure_data_lake_datastore": (
        "the dataset service",
        "AbstractADLSDatastore AzureDataLakeDatastore AzureDataLakeGen2Datastore",
    ),
    "azureml.data.azure_sql_database_datastore": ("the dataset service", "AzureSqlDatabaseDatastore"),
    "azureml.data.azure_storage_datastore": (
        "the dataset service",
        "AbstractAzureStorageDatastore AzureBlobDatastore AzureFileDatastore",
    ),
    "azureml.data.context_managers": ("the dataset service", "DatasetContextManager DatastoreContextManager"),
    "azureml.data.data_reference": ("the dataset service", "DataReference"),
    "azureml.data.datacache": ("the dataset service", "DatacacheHydrationTracker DatacacheStore"),
    "azureml.data.datacache_client": ("the dataset service", ""),
    "azureml.data.datacache_consumption_config": ("the dataset service", "DatacacheConsumptionConfig"),
    "azureml.data.datacache_singularity_settings": (
        "the dataset service",
        "DatacacheSingularitySettings SingularityPriority SingularitySlaTier",
    ),
    "azureml.data.datapath": ("the dataset service", "DataPath DataPathComputeBinding"),
    "azureml.data.dataset_action_run": ("the dataset service", "DatasetActionRun"),
    "azureml.data.dataset_consumption_config": ("the dataset service", "DatasetConsumptionConfig"),
    "azureml.data.dataset_definition": ("the dataset service", "DatasetDefinition"),
    "azureml.data.dataset_error_handling": ("the dataset service", "DatasetExecutionError DatasetValidationError"),
    "azureml.data.dataset_factory": ("the dataset service", "DataType FileDatasetFactory TabularDatasetFactory"),
    "azureml.data.dataset_profile": ("the dataset service", "DatasetProfile"),
    "azureml.data.dataset_profile_run": ("the dataset service", "DatasetProfileRun"),
    "azureml.data.dataset_profile_run_config": ("the dataset service", "DatasetProfileRunConfig"),
    "azureml.data.dataset_snapshot": ("the dataset service", "DatasetSnapshot"),
    "azureml.data.dataset_type_definitions": (
        "the dataset service",
        "FileEncoding FileType HistogramCompareMethod PromoteHeadersBehavior SkipLinesBehavior",
    ),
    "azureml.data.datastore_client": ("the dataset service", ""),
    "azureml.data.dbfs_datastore": ("the dataset service", "DBFSDatastore"),
    "azureml.data.file_dataset": ("the dataset service", "FileDataset"),
    "azureml.data.hdfs_datastore": ("the dataset service", "HDFSDatastore"),
    "azureml.data.output_dataset_config": (
        "the dataset service",
        "HDFSOutputDatasetConfig LinkFileOutputDatasetConfig LinkTabularOutputDatasetConfig MountOptions "
        "OutputDatasetConfig OutputFileDatasetConfig OutputTabularDatasetConfig RegistrationConfiguration "
        "TransformationMixin UploadOptions",
    ),
    "azureml.data.sql_data_reference": ("the dataset service", "SqlDataReference"),
    "azureml.data.stored_procedure_parameter": (
        "the dataset service",
        "StoredProcedureParameter StoredProcedureParameterType",
    ),
    "azureml.data.tabular_dataset": ("the dataset service", "TabularDataset"),
    "azureml.datadrift": (
        "the drift monitor",
        "AlertConfiguration DataDriftDetector Metric MetricType ModelServingDataset",
    ),
    "azureml.datadrift.alert_configuration": ("the drift monitor", "AlertConfiguration"),
    "azureml.datadrift.datadriftdetector": ("the drift monitor", "DataDriftDetector"),
    "azureml.core.datastore": ("the datastore service", "Datastore"),
    "azureml.core.project": ("an older service of Azure", "Project"),
    "azureml.core.image": ("the image service", "ContainerImage Image UnknownImage"),
    "azureml.core.image.container": ("the image service", "ContainerImage ContainerImageConfig"),
    "azureml.core.image.image": ("the image service", "Asset Image ImageConfig TargetRuntime"),
    "azureml.core.image.unknown_image": ("the image service", "UnknownImage"),
    "azureml.core.linked_service": (
        "the linked service registry",
        "LinkedService LinkedServiceConfiguration SynapseWorkspaceLinkedServiceConfiguration",
    ),
    "azureml.core.model": ("the endpoint service", "Dataset InferenceConfig ModelPackage"),
    "azureml.core.profile": ("the endpoint service", "ModelProfile"),
    "azureml.core.private_endpoint": ("private endpoints", "PrivateEndPoint PrivateEndPointConfig"),
    "azureml.core.webservice": (
        "the endpoint service",
        "AciWebservice AksWebservice LocalWebservice UnknownWebservice Webservice",
    ),
    "azureml.core.webservice.aci": (
        "the endpoint service",
        "AciServiceDeploymentConfiguration AciWebservice ContainerResourceRequirements EncryptionProperties "
        "VnetConfiguration",
    ),
    "azureml.core.webservice.aks": (
        "the endpoint service",
        "AksServiceAccessToken AksServiceDeploymentConfiguration AksWebservice AutoScaler ContainerResourceRequirements "
        "DataCollection LivenessProbeRequirements",
    ),
    "azureml.core.webservice.container_resource_requirements": (
        "the endpoint service",
        "ContainerResourceRequirements",
    ),
    "azureml.core.webservice.local": (
        "the endpoint service",
        "LocalWebservice LocalWebserviceDeploymentConfiguration",
    ),
    "azureml.core.webservice.unknown_webservice": ("the endpoint service", "UnknownWebservice"),
    "azureml.core.webservice.webservice": (
        "the endpoint service",
        "AutoScaler ContainerResourceRequirements DataCollection LivenessProbeRequirements "
        "WebServiceAccessToken Webservice WebserviceDeploymentConfiguration",
    ),
    "azureml.interpret": ("the explanation service", "ExplanationClient MimicWrapper"),
    "azureml.interpret.common": ("the explanation service", "ModelSummary"),
    "azureml.interpret.common.explanation_utils": ("the explanation service", "ArtifactUploader"),
    "azureml.interpret.common.model_summary": ("the explanation service", "ModelSummary"),
    "azureml.interpret.common.storage_policy": ("the explanation service", "storage_policy"),
    "azureml.interpret.mimic_wrapper": ("the explanation service", "MimicWrapper"),
    "azureml.interpret.model": ("the explanation service", "KerasSerializer"),
    "azureml.interpret.model.serialize": ("the explanation service", "KerasSerializer"),
    "azureml.interpret.scoring": ("the explanation service", ""),
    "azureml.interpret.scoring.scoring_explainer": (
        "the explanation service",
        "DeepScoringExplainer KernelScoringExplainer LinearScoringExplainer ScoringExplainer "
        "TreeScoringExplainer load save",
    ),
    "azureml.pipeline.core": (
        "the pipeline service",
        "InputPortBinding Module ModuleVersion ModuleVersionDescriptor OutputPortBinding Pipeline "
        "PipelineData PipelineDataset PipelineDraft PipelineEndpoint PipelineParameter PipelineRun "
        "PipelineStep PortDataReference PublishedPipeline Schedule ScheduleRecurrence StepRun StepRunOutput "
        "StepSequence TimeZone TrainingOutput",
    ),
    "azureml.pipeline.core.builder": ("the pipeline service", "PipelineData PipelineStep StepSequence"),
    "azureml.pipeline.core.graph": (
        "the pipeline service",
        "DataSource DataSourceDef DataSourceNode DataType Edge Graph InputPort InputPortBinding InputPortDef "
        "Module ModuleDef ModuleNode Node OutputPort OutputPortBinding OutputPortDef Param ParamDef "
        "PipelineDataset PipelineParameter PortDataReference PublishedPipeline StoredProcedureParameter "
        "StoredProcedureParameterType TrainingOutput",
    ),
    "azureml.pipeline.core.module": ("the pipeline service", "Module ModuleVersion ModuleVersionDescriptor"),
    "azureml.pipeline.core.module_step_base": ("the pipeline service", "ModuleStepBase"),
    "azureml.pipeline.core.pipeline": ("the pipeline service", "Pipeline"),
    "azureml.pipeline.core.pipeline_draft": ("the pipeline service", "PipelineDraft"),
    "azureml.pipeline.core.pipeline_endpoint": (
        "the pipeline service",
        "PipelineEndpoint PipelineIdVersion PipelineVersion",
    ),
    "azureml.pipeline.core.pipeline_output_dataset": (
        "the pipeline service",
        "DatasetRegistration PipelineOutputAbstractDataset PipelineOutputFileDataset PipelineOutputTabularDataset",
    ),
    "azureml.pipeline.core.run": ("the pipeline service", "PipelineRun StepRun StepRunOutput"),
    "azureml.pipeline.core.schedule": ("the pipeline service", "Schedule ScheduleRecurrence TimeZone"),
    "azureml.pipeline.steps": (
        "the pipeline service",
        "AdlaStep AutoMLStep AutoMLStepRun AzureBatchStep CommandStep DataTransferStep DatabricksStep "
        "EstimatorStep HyperDriveStep HyperDriveStepRun KustoStep ModuleStep MpiStep ParallelRunConfig "
        "ParallelRunStep PythonScriptStep RScriptStep SynapseSparkStep",
    ),
    "azureml.pipeline.steps.adla_step": ("the pipeline service", "AdlaStep"),
    "azureml.pipeline.steps.automl_step": ("the pipeline service", "AutoMLStep AutoMLStepRun"),
    "azureml.pipeline.steps.azurebatch_step": ("the pipeline service", "AzureBatchStep"),
    "azureml.pipeline.steps.command_step": ("the pipeline service", "CommandStep"),
    "azureml.pipeline.steps.data_transfer_step": ("the pipeline service", "DataTransferStep"),
    "azureml.pipeline.steps.databricks_step": ("the pipeline service", "DatabricksStep"),
    "azureml.pipeline.steps.estimator_step": ("the pipeline service", "EstimatorStep"),
    "azureml.pipeline.steps.hyper_drive_step": ("the pipeline service", "HyperDriveStep HyperDriveStepRun"),
    "azureml.pipeline.steps.kusto_step": ("the pipeline service", "KustoStep"),
    "azureml.pipeline.steps.module_step": ("the pipeline service", "ModuleStep"),
    "azureml.pipeline.steps.mpi_step": ("the pipeline service", "MpiStep"),
    "azureml.pipeline.steps.parallel_run_config": ("the pipeline service", "ParallelRunConfig"),
    "azureml.pipeline.steps.parallel_run_step": ("the pipeline service", "ParallelRunStep"),
    "azureml.pipeline.steps.python_script_step": ("the pipeline service", "PythonScriptStep"),
    "azureml.pipeline.steps.r_script_step": ("the pipeline service", "RScriptStep"),
    "azureml.pipeline.steps.synapse_spark_step": ("the pipeline service", "SynapseSparkStep"),
    "azureml.train.dnn": ("estimators", "Chainer Gloo Mpi Nccl ParameterServer PyTorch TensorFlow"),
    "azureml.train.estimator": (
        "estimators",
        "Estimator Gloo MMLBaseEstimator MMLBaseEstimatorRunConfig Mpi Nccl ParameterServer",
    ),
    "azureml.train.sklearn": ("estimators", "SKLearn"),
    "azureml.train.hyperdrive": (
        "the sweep service",
        "BanditPolicy BayesianParameterSampling EarlyTerminationPolicy GridParameterSampling HyperDriveConfig "
        "HyperDriveRun HyperDriveRunConfig HyperParameterSampling MedianStoppingPolicy NoTerminationPolicy "
        "PrimaryMetricGoal RandomParameterSampling TruncationSelectionPolicy choice lognormal loguniform "
        "normal qlognormal qloguniform qnormal quniform randint uniform",
    ),
    "azureml.train.hyperdrive.parameter_expressions": (
        "the sweep service",
        "choice lognormal loguniform normal qlognormal qloguniform qnormal quniform randint uniform",
    ),
    "azureml.train.hyperdrive.policy": (
        "the sweep service",
        "BanditPolicy EarlyTerminationPolicy MedianStoppingPolicy NoTerminationPolicy TruncationSelectionPolicy",
    ),
    "azureml.train.hyperdrive.run": ("the sweep service", "HyperDriveRun"),
    "azureml.train.hyperdrive.runconfig": (
        "the sweep service",
        "HyperDriveConfig HyperDriveRunConfig PrimaryMetricGoal",
    ),
    "azureml.train.hyperdrive.sampling": (
        "the sweep service",
        "BayesianParameterSampling GridParameterSampling HyperParameterSampling RandomParameterSampling",
    ),
    "azureml.widgets.parallel_run_step_details": ("the pipeline service", "ParallelRunStepDetails"),
    "azureml.mlflow": (PRIVATE, "_get_mlflow_tracking_uri _setup_remote"),
    "azureml.telemetry": (
        TELEMETRY,
        "AML_INTERNAL_LOGGER_NAMESPACE INSTRUMENTATION_KEY UserErrorException add_diagnostics_properties "
        "get_diagnostics_collection_info get_event_logger get_telemetry_log_handler",
    ),
    "azureml.telemetry.activity": (
        TELEMETRY,
        "ActivityCompletionStatus ActivityLoggerAdapter ActivityType log_activity monitor_with_activity",
    ),
    "azureml.telemetry.contracts": (TELEMETRY, "ExtensionFields RequiredFields StandardFields"),
}

# Classes that scripts also import from modules that only use them, such as Webservice from azureml.core.workspace: the
# modules to which they belong.
SHARED: Dict[str, str] = {
    "azureml.core": "ComputeTarget Dataset Datastore Environment Experiment Keyvault Model Run RunConfiguration "
    "ScriptRunConfig Webservice Workspace",
    "azureml.core.authentication": "AzureCliAuthentication InteractiveLoginAuthentication MsiAuthentication "
    "ServicePrincipalAuthentication",
    "azureml.core.compute": "AksCompute AmlCompute ComputeInstance",
    "azureml.core.conda_dependencies": "CondaDependencies",
    "azureml.core.environment": "DockerSection PythonSection",
    "azureml.core.model": "InferenceConfig",
    "azureml.core.runconfig": "DockerConfiguration MpiConfiguration PyTorchConfiguration TensorflowConfiguration",
    "azureml.core.webservice": "AciWebservice AksWebservice LocalWebservice",
    "azureml.core.webservice.aks_endpoint": "AksEndpoint AksEndpointDeploymentConfiguration",
    "azureml.data.data_reference": "DataReference",
    "azureml.data.datapath": "DataPath",
    "azureml.data.dataset_factory": "DataType",
    "azureml.data.file_dataset": "FileDataset",
    "azureml.data.output_dataset_config": "OutputFileDatasetConfig",
    "azureml.data.tabular_dataset": "TabularDataset",
}

# Modules known by their path only, with their submodules. Scripts import many private ones.
OPEN: Dict[str, str] = {
    "azureml.automl": "automated machine learning",
    "azureml.train.automl": "automated machine learning",
    "azureml.contrib": "a preview service of Azure",
    "azureml.dataprep": "the data preparation service",
    "azureml.data": "the dataset service",
    "azureml.datadrift": "the drift monitor",
    "azureml.explain": "the explanation service",
    "azureml.interpret": "the explanation service",
    "azureml.responsibleai": "the explanation service",
    "azureml.rai": "the explanation service",
    "azureml.opendatasets": "Azure's open datasets",
    "azureml.pipeline": "the pipeline service",
    "azureml.train": "a training service of Azure",
    "azureml.assets": "the asset service of Azure",
    "azureml.studio": "the designer",
    "azureml.designer": "the designer",
    "azureml.rag": "a preview service of Azure",
    "azureml.model": "a preview service of Azure",
    "azureml.registry": "the asset service of Azure",
    "azureml.webservice_schema": "an older service of Azure",
    "azureml.accel": "accelerated models",
    "azureml.accel_models": "accelerated models",
    "azureml.inference": "the endpoint service",
    "azureml.telemetry": TELEMETRY,
    "azureml.api": "an older service of Azure",
    "azureml.logging": "an older service of Azure",
    "azureml.services": "an older service of Azure",
    "azureml.history": "an older service of Azure",
    "azureml.acft": "a preview service of Azure",
    "azureml.evaluate": "a preview service of Azure",
    "azureml.featurestore": "a preview service of Azure",
    "azureml.fsspec": "the data preparation service",
    "azureml.metrics": "a preview service of Azure",
    "azureml.training": "automated machine learning",
}

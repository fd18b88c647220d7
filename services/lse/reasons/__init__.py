"""The catalogue of error reasons: what `lse.errors.LseError.reason` and ``ErrorInfo.reason`` may be.

A reason names its subject first and then what is wrong with it, by one of `FINDINGS`: ``FILTER_INVALID``,
``IMAGE_NOT_FOUND``, ``DISK_FULL``.  It has one canonical code and never changes its meaning.  Programs decide by it;
people read the sentence of the error.
"""

from __future__ import annotations

from dataclasses import dataclass

from lse.reasons.invalid_argument import INVALID_ARGUMENT

__all__ = ["FINDINGS", "REASONS", "Reason"]

FINDINGS = (
    *("INVALID", "UNKNOWN", "MISSING", "MISMATCH", "UNSUPPORTED", "UNIMPLEMENTED", "AMBIGUOUS", "OUT_OF_RANGE"),
    *("NOT_FOUND", "NOT_READY", "NOT_ALLOWED", "NOT_FETCHED", "NOT_FINITE", "CONSTANT", "EMPTY", "TAKEN", "IN_USE"),
    *("IN_PROGRESS", "TOO_FEW", "TOO_MANY", "TOO_LARGE", "TOO_LONG", "TOO_NEW", "TOO_OLD", "UNREADABLE", "UNWRITABLE"),
    *("DAMAGED", "TRUNCATED", "LOST", "FULL", "BUSY", "CLOSED", "TIMEOUT", "UNAVAILABLE", "REFUSED", "CONFLICT"),
    *("FAILED", "CANCELLED", "DUPLICATE"),
)
"""How a reason may end."""


@dataclass(frozen=True)
class Reason:
    """A reason of an error.

    Attributes
    ----------
    name
        Identifier in UPPER_SNAKE.
    code
        Canonical gRPC code; ``UNKNOWN`` where another server chose it.
    summary
        When it occurs.
    metadata
        Keys that the error may have in its metadata.
    """

    name: str
    code: str
    summary: str
    metadata: tuple[str, ...] = ()


# Code, then reason, then when it occurs and the keys of its metadata.
_BY_CODE: dict[str, dict[str, tuple[str, ...]]] = {
    "CANCELLED": {
        "CANCELLED": ("The work was cancelled on request, or because its process ends.", "stage"),
    },
    "INVALID_ARGUMENT": INVALID_ARGUMENT,
    "DEADLINE_EXCEEDED": {
        "OPERATION_TIMEOUT": ("The operation did not end within the time allowed; it continues.", "name"),
        "READING_TIMEOUT": ("Reading the file took longer than is allowed.", "seconds"),
        "TRITON_TIMEOUT": ("Triton did not answer in time.", "url"),
        "VECTOR_STORE_TIMEOUT": ("The vector store did not answer in time.",),
    },
    "NOT_FOUND": {
        "BOOKMARK_NOT_FOUND": ("There is no such bookmark.", "name"),
        "CATALOGUE_NOT_FOUND": ("There is no such catalogue file.", "path"),
        "CLOUD_NOT_FOUND": ("No point cloud is published at the address.",),
        "CLUSTERING_NOT_FOUND": ("There is no such clustering.", "name"),
        "CLUSTER_NOT_FOUND": ("The clustering has no such cluster.",),
        "COLLECTION_NOT_FOUND": ("The vector store has no such collection.", "collection"),
        "DATASET_NOT_FOUND": ("There is no such dataset.", "name"),
        "ENCODER_NOT_FOUND": ("There is no such encoder.", "name"),
        "ENCODER_VERSION_NOT_FOUND": ("The encoder has no such version.", "name", "version"),
        "EXPERIMENT_NOT_FOUND": ("There is no such experiment.", "name"),
        "FILE_NOT_FOUND": ("There is no such file.", "path"),
        "HOME_NOT_FOUND": ("There is no home of an installation in the folder.",),
        "IMAGE_NOT_FOUND": ("The dataset has no such image.", "name"),
        "LABEL_SCHEME_NOT_FOUND": ("There is no such label scheme.", "name"),
        "MEMBER_NOT_FOUND": ("The project has no such member.", "name"),
        "MODEL_FILE_NOT_FOUND": ("There is no such model file.", "source"),
        "MODEL_NOT_FOUND": ("The inference engine has not loaded this model.", "model"),
        "OPERATION_NOT_FOUND": ("There is no such operation.", "name"),
        "PIPELINE_NOT_FOUND": ("There is no such pipeline file.", "path"),
        "PREDICTION_NOT_FOUND": ("There is no such prediction.", "name"),
        "PROJECTION_NOT_FOUND": ("There is no such projection.", "name"),
        "PROJECT_NOT_FOUND": ("There is no such project, or the caller is not a member of it.", "name"),
        "RECIPE_NOT_FOUND": ("There is no such recipe file.", "path"),
        "RESOURCE_NOT_FOUND": ("What an operation was about is not there any more.", "name"),
        "SELECTION_NOT_FOUND": ("There is no such selection.", "name"),
        "SOURCE_NOT_FOUND": ("There is no such file or folder of images, or nothing at the address.", "path"),
        "TOKEN_NOT_FOUND": ("The caller has no such token.", "name"),
        "WEIGHTS_NOT_FOUND": ("There is no such file of weights on the machine of the services.", "weights"),
    },
    "ALREADY_EXISTS": {
        "COLLECTION_NAME_TAKEN": ("The vector store has a collection of this name.",),
        "MODEL_VERSION_TAKEN": ("This version of the model is loaded from another file.", "model", "source"),
        "NAME_TAKEN": ("A resource of this name exists.", "name"),
        "PARAMETERS_MISMATCH": ("A resource of this name exists and was made with other parameters.", "name"),
    },
    "PERMISSION_DENIED": {
        "FOLDER_NOT_ALLOWED": ("Others may write to a folder of files that are kept.", "path"),
        "FOLDER_WRITE_NOT_ALLOWED": ("This user may not write to the folder.", "folder"),
        "HOST_NOT_ALLOWED": ("The services answer under names of their own machine alone.", "host"),
        "IMPORT_PATHS_NOT_ALLOWED": ("This installation runs no code from import paths.", "path"),
        "METHOD_NOT_ALLOWED": ("The method does not declare who may call it.",),
        "MODEL_FILE_NOT_ALLOWED": ("This process may not read the model file.", "source"),
        "ROLE_NOT_ALLOWED": ("The caller's role is not enough for this.",),
        "SOURCE_NOT_ALLOWED": ("The services may not read this file, folder or address.", "path"),
        "TOKEN_NOT_ALLOWED": ("The caller may not make a token like this.",),
        "WEIGHTS_NOT_ALLOWED": ("The terms of a network of the hub must be accepted first.", "backbone"),
    },
    "RESOURCE_EXHAUSTED": {
        "ANALYSIS_TOO_LARGE": ("The method would need more memory than is allowed.", "needed_bytes", "limit_bytes"),
        "DISK_FULL": ("The disk is full.", "folder", "path"),
        "MEMORY_FULL": ("The memory of the machine or the GPU is not sufficient.", "batch_size"),
        "QUOTA_FULL": ("The project has as much as it may have.", "quota", "limit"),
        "READING_TOO_LARGE": ("Reading the file takes more memory than is allowed.", "limit"),
        "REQUEST_TOO_LARGE": ("A message of a request by HTTP is too large.", "limit"),
        "SHARED_MEMORY_FULL": ("No shared memory is left for the images.", "size"),
        "TRAINING_TOO_LARGE": ("The training needs too much memory.", "memory_bytes", "available_bytes", "batch_size"),
        "UPLOAD_TOO_LARGE": ("The uploaded file is too large.",),
        "VECTOR_STORE_FULL": ("The vector store has no room, or too many requests at once.",),
        "WORKERS_LOST": ("Worker processes died repeatedly, most likely for lack of memory.",),
    },
    "FAILED_PRECONDITION": {
        "ADMIN_MISSING": ("The last admin of a project would be gone.",),
        "ATTEMPTS_TOO_MANY": ("A step of a pipeline was tried too often.",),
        "CERTIFICATES_MISSING": ("A folder of certificates lacks one of its files.", "folder"),
        "CHANGES_NOT_ALLOWED": ("The services were started to read only.",),
        "CLASS_IN_USE": ("Images are labelled with the class that is to be removed.", "label"),
        "CLIENT_CLOSED": ("The client was closed.",),
        "CLOUD_TOO_NEW": ("A newer version of the software wrote the point cloud.",),
        "CLUSTERING_FAILED": ("The method found no stable clusters.",),
        "COLLECTION_MISMATCH": ("The collection of vectors was made with other settings.",),
        "COLUMNS_MISMATCH": ("Points that are added to a cloud have other columns than it.",),
        "COLUMNS_TOO_MANY": ("The file format cannot hold so many columns.",),
        "DATABASE_TOO_NEW": ("The schema of the catalogue is newer than the software.",),
        "DATABASE_TOO_OLD": ("The schema of the catalogue needs `lse migrate`.",),
        "DATASET_IMAGES_TOO_FEW": ("The dataset has fewer than two prepared images.",),
        "DECODER_MISSING": ("The encoder has no decoder.", "encoder"),
        "ENCODER_MISMATCH": ("The encoder takes other images than the dataset has.",),
        "ENCODER_MISSING": ("No encoder takes the images, or the vectors were imported.", "experiment"),
        "EXPORT_EMPTY": ("None of the selected images is in the experiment.",),
        "FOLDER_IN_USE": ("The folder holds something else.", "folder"),
        "FOLDER_UNWRITABLE": ("The folder cannot be made or written.", "folder"),
        "FOOTPRINT_MISSING": ("No image of the dataset has an outline on the sky.",),
        "GPU_SUPPORT_MISSING": ("The installed ONNX Runtime has no GPU support.",),
        "HIERARCHY_MISSING": ("The clustering has no hierarchy to cut.",),
        "HOME_IN_USE": ("Another `lse up` uses the home folder.",),
        "HOME_TAKEN": ("A backup is restored where a home is already.",),
        "LABELLED_CLASSES_TOO_FEW": ("A prediction needs labelled images of at least two classes.",),
        "LOGIN_MISSING": ("A process would be open to a network without a login.",),
        "LOGIN_REFUSED": ("The issuer of the login is not asked over TLS.",),
        "LOSS_NOT_FINITE": ("The training diverged.", "step"),
        "METHOD_LOAD_FAILED": ("An installed method cannot be loaded.", "method"),
        "NETWORK_MISSING": ("The experiment has no network that could be fine-tuned.",),
        "OPERATION_IN_PROGRESS": ("The operation has not ended.", "name"),
        "OPERATION_LOST": ("The operation that makes the resource is not known any more.", "name"),
        "OUTLIER_SCORES_MISSING": ("The experiment was made before outlier scores were kept.", "name"),
        "PACKAGE_MISSING": ("An optional package is not installed.",),
        "PRECISION_UNSUPPORTED": ("The encoder or the machine does not support this precision.", "name"),
        "PRIOR_MISSING": ("The latent space has no known distribution to sample from.", "encoder"),
        "PROJECTION_MODEL_MISSING": ("The projection keeps no model that could place images.", "name"),
        "PROJECTION_VECTORS_MISMATCH": ("The experiment has other vectors than the projection was made of.",),
        "PROJECT_IN_USE": ("The project that is to be deleted has resources.", "name"),
        "QUERY_CLUSTER_MISSING": ("The query is noise, in no cluster.",),
        "RECONSTRUCTIONS_MISSING": ("The training run has no reconstructions.",),
        "RECORD_TOO_NEW": ("A newer version of the software wrote the resource.", "name"),
        "RESOURCE_IN_USE": ("Other resources use the one that is to be deleted.",),
        "RESOURCE_NOT_READY": ("The resource is being made, or its making failed.", "name"),
        "RETRY_REFUSED": ("An operation that is to be run again did not fail and was not cancelled.", "name"),
        "SELECTION_ROWS_MISSING": ("The selection was listed without its rows.",),
        "SERVICE_KEY_UNREADABLE": ("The secret of the services cannot be read or is too short.",),
        "SETTING_MISSING": ("A setting that is needed here is not set.", "setting"),
        "SHARED_MEMORY_UNREADABLE": ("Triton cannot read the shared memory of this process.", "url"),
        "SURVEY_DAMAGED": ("Files of the simulated survey are missing or damaged.", "folder"),
        "SURVEY_IN_PROGRESS": ("Another process is simulating into the folder.", "folder"),
        "SURVEY_MISMATCH": ("The folder holds a survey with other parameters.", "folder"),
        "TOKEN_FILE_UNREADABLE": ("The file of a client's token cannot be read.",),
        "TOKEN_VARIABLE_EMPTY": ("The variable that is named for a client's token is not set.",),
        "TRAINING_EMPTY": ("The training ended before its first epoch.",),
        "TRAINING_MISSING": ("The encoder was not trained here.", "name"),
        "TRITON_LOAD_FAILED": ("Triton cannot load the model.", "model"),
        "TRITON_MISSING": ("Triton is not installed.", "folder"),
        "UPLOAD_LOST": ("The file that an operation worked on was sent, and is not kept.", "name"),
        "VECTOR_MISSING": ("The image has no vector in the experiment.",),
        "VECTOR_STORE_IN_USE": ("Another server has the folder of the vector store open.", "process"),
        "WORK_IN_PROGRESS": ("The same work is being done already.", "operation"),
    },
    "ABORTED": {
        "BACKUP_CONFLICT": ("Bulk data were deleted again and again while a backup was made.",),
        "ETAG_MISMATCH": ("The resource was changed in the meantime.", "name"),
        "RESOURCE_CONFLICT": ("Another request made the same resource at the same moment.",),
    },
    "UNIMPLEMENTED": {
        "CALL_UNIMPLEMENTED": ("The call is part of the API and not built yet.", "method"),
        "CALL_UNKNOWN": ("The API has no such method.",),
        "COLLECTION_SETTINGS_UNSUPPORTED": ("The vector store cannot keep a collection as the settings ask for.",),
        "ENCODING_UNSUPPORTED": ("A request by HTTP is compressed in a way that cannot be read.",),
    },
    "INTERNAL": {
        "COMMAND_FAILED": ("A fault of the command itself: please report it.",),
        "EXPORT_MISMATCH": ("The exported encoder gives other vectors than the trained one.", "difference"),
        "INDEX_BUILD_FAILED": ("The vector store could not build its index.",),
        "MEASUREMENT_FAILED": ("A step of `lse plan` could not be measured.",),
        "PRECISION_CONVERSION_FAILED": ("The encoder could not be converted to half precision.",),
        "PREPARATION_FAILED": ("The image met a fault of the software: please report it.",),
        "RESULT_MISSING": ("The job ended without a result.",),
        "RESULT_UNKNOWN": ("The client does not know the type of the result.", "type_url"),
        "SERVED_ENCODER_MISMATCH": ("The served encoder gives other vectors than the trained one.",),
        "SERVICE_FAILED": ("The service met a fault of the software; details are in its log.",),
        "TRAINING_PROCESSES_FAILED": ("The processes of a training on several GPUs ended with an error.",),
        "TRITON_FAILED": ("Triton met an error.", "url"),
        "WORK_LOST": ("The process that worked on an operation ended three times in a row at the same place.",),
    },
    "UNAVAILABLE": {
        "ARTIFACTS_UNAVAILABLE": ("The disk or bucket of the artifacts cannot be used.",),
        "CLOUD_UNAVAILABLE": ("The address of a published point cloud cannot be read or written.",),
        "COMPUTE_LOST": ("The Dask cluster dropped the work.",),
        "COMPUTE_UNAVAILABLE": ("No Dask scheduler answers.",),
        "DATABASE_UNAVAILABLE": ("The database of the catalogue does not answer.",),
        "LOGIN_UNAVAILABLE": ("The issuer of the login does not answer.",),
        "PORT_TAKEN": ("Another program uses the port.", "port"),
        "PROCESS_START_FAILED": ("A process that belongs to this one did not start.", "log"),
        "SERVICES_NOT_READY": ("The services answer that they are not serving.",),
        "SERVICES_UNAVAILABLE": ("No services answer at the address.", "address"),
        "SOURCES_UNAVAILABLE": ("The server of an address that sources are fetched from does not answer.",),
        "TRITON_UNAVAILABLE": ("Triton cannot be reached.", "url"),
        "VECTOR_STORE_UNAVAILABLE": ("The vector store cannot be reached.", "address"),
        "WEIGHTS_UNAVAILABLE": ("Pretrained weights cannot be fetched.", "backbone"),
        "WORKERS_BUSY": ("All workers are busy.",),
    },
    "DATA_LOSS": {
        "ARTIFACT_DAMAGED": ("Stored data lack rows.",),
        "ARTIFACT_MISSING": ("Stored data are not there any more.", "uri"),
        "BACKUP_DAMAGED": ("A file of a backup is not what it was, or the backup cannot be read.",),
        "CLOUD_DAMAGED": ("A file of a point cloud is missing or damaged.",),
        "COLLECTION_DAMAGED": ("The files of a collection of vectors cannot be opened.",),
        "PRETRAINED_ENCODER_DAMAGED": ("The stored pretrained encoder cannot be read.", "path"),
        "RECORD_DAMAGED": ("The record of the resource cannot be read.", "name"),
        "SELECTION_DAMAGED": ("The rows of the selection cannot be read.",),
        "TABLE_TRUNCATED": ("The services sent an incomplete table.",),
        "TRAINED_ENCODER_DAMAGED": ("The stored trained encoder cannot be read.", "path"),
        "TRAINED_ENCODER_MISMATCH": ("Another version of the software wrote the trained encoder.", "path"),
        "VECTORS_DAMAGED": ("The stored vectors cannot be read.",),
    },
    "UNKNOWN": {
        "VECTOR_STORE_REFUSED": ("The vector store refused the call; the code is that of its answer.",),
    },
    "UNAUTHENTICATED": {
        "TOKEN_INVALID": ("The token is none that is accepted here.",),
        "TOKEN_MISSING": ("The request has no token.",),
        "TOKEN_TOO_OLD": ("The token has expired.",),
    },
}

REASONS = {
    name: Reason(name, code, summary, tuple(metadata))
    for code, reasons in _BY_CODE.items()
    for name, (summary, *metadata) in reasons.items()
}
"""Every reason by its name."""

"""The file that declares a pipeline."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from lse.errors import InvalidArgumentError, NotFoundError
from lse.names import check_id
from lse.validation import all_faults
from lse.yaml_text import StrictLoader, fault_of_yaml, load_yaml

__all__ = [
    "OF_PRETRAINED",
    "PRETRAINED",
    "ClusteringStep",
    "DatasetStep",
    "EncoderStep",
    "EvaluateStep",
    "ExperimentStep",
    "Pipeline",
    "ProjectionStep",
    "load_pipeline",
]

# Method of an encoder that is not trained here.
PRETRAINED = "pretrained"
_STANDARD_INPUT = "-"
OF_PRETRAINED = {"backbone", "weights", "input", "bands", "size", "pool", "adapt", "epochs", "learning_rate"}
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class _Loader(StrictLoader):
    """YAML in which ``on`` is a key and not a truth value, as in YAML 1.2."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))


def _is_id(value: str) -> str:
    try:
        return check_id(value, "resource")
    except InvalidArgumentError as error:
        raise ValueError(error.message) from None


Id = Annotated[str, AfterValidator(_is_id)]
Value = bool | int | float | str | None


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatasetStep(_Step):
    """What is ingested; paths are absolute once the file is loaded.

    Attributes
    ----------
    name
        Name of the dataset.
    sources
        Files and folders.
    recipe
        Keys of a recipe, or the path of a recipe file; suggested from the images when not given.
    catalogue
        CSV file to join.
    catalogue_key
        Column of the catalogue that names the image.
    """

    name: Id
    sources: Annotated[list[str], Field(min_length=1)]
    recipe: dict[str, Any] | str | None = None
    catalogue: str | None = None
    catalogue_key: str | None = None


class _MethodStep(_Step):
    """What a method makes.

    Attributes
    ----------
    name
        Name of the resource.
    method
        Method.
    seed
        Seed of all random numbers.
    parameters
        Parameters of the method; ``settings`` is their former name.
    """

    name: Id
    method: str
    seed: int = Field(default=0, ge=0)
    parameters: dict[str, Value] = Field(default_factory=dict, validation_alias=AliasChoices("parameters", "settings"))

    def all_parameters(self) -> dict[str, Value]:
        """Parameters with those that have a key of their own."""
        return {**self.parameters, "seed": self.seed}


class EncoderStep(_MethodStep):
    """What is trained on the dataset; or, by the method ``pretrained``, the network of the parameter ``backbone``."""


class ExperimentStep(_Step):
    """The dataset seen through the encoder; neighbours per image in its graph (default: by the number of images)."""

    name: Id
    neighbours: int | None = Field(default=None, ge=2)


class _ArrangingStep(_MethodStep):
    """What arranges or groups the images.

    Attributes
    ----------
    optional
        Whether the step is left out, with its reason in the report, where there are too few images for it.
    """

    optional: bool = False


class ProjectionStep(_ArrangingStep):
    """A projection of the experiment."""

    components: Literal[2, 3] = 2

    def all_parameters(self) -> dict[str, Value]:
        """Parameters with those that have a key of their own."""
        return {**super().all_parameters(), "n_components": self.components}


class ClusteringStep(_ArrangingStep):
    """A clustering of the vectors (``latent``) or of the coordinates of a projection."""

    on: str = "latent"


class EvaluateStep(_Step):
    """The column of the classes that the encoder and the clusterings are scored against."""

    label_column: str = "class"


class Pipeline(_Step):
    """A declared chain.

    Attributes
    ----------
    project
        Project of all resources; that of the client when not given.
    data
        Folder that sources and catalogue are relative to; that of the file when not given.
    dataset, encoder, experiment, projections, clusterings, evaluate
        The steps.
    """

    project: Id | None = None
    data: str | None = None
    dataset: DatasetStep
    encoder: EncoderStep
    experiment: ExperimentStep
    projections: list[ProjectionStep] = Field(default_factory=list)
    clusterings: list[ClusteringStep] = Field(default_factory=list)
    evaluate: EvaluateStep | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key, steps in (("projections", self.projections), ("clusterings", self.clusterings)):
            names = [step.name for step in steps]
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"the key '{key}' has the name '{min(twice)}' twice")
        if self.encoder.method == PRETRAINED and not {"backbone"} <= {*self.encoder.parameters} <= OF_PRETRAINED:
            raise ValueError(
                "the key 'encoder' of the method 'pretrained' takes the parameters backbone and weights, input, bands, "
                "size, pool, adapt, epochs and learning_rate"
            )
        allowed = ["latent", *(step.name for step in self.projections)]
        for step in self.clusterings:
            if step.on not in allowed:
                raise ValueError(
                    f"the key 'clusterings' has '{step.name}' on '{step.on}', which is none of {', '.join(allowed)}"
                )
        return self


def load_pipeline(path: str | Path, *, data: str | Path | None = None) -> Pipeline:
    """Read a pipeline file.

    Paths in it may name environment variables as ``${NAME}`` or ``${NAME:-default}``.

    Parameters
    ----------
    path
        YAML file; ``-`` is the standard input, in which what is relative is so to the present folder.
    data
        Folder that sources and catalogue are relative to, instead of the one that the file names.

    Raises
    ------
    NotFoundError
        If the file is not there.
    InvalidArgumentError
        If it is not a pipeline; the sentence names the key.
    """
    file = Path(path).expanduser()
    content = _read(file)
    try:
        pipeline = Pipeline.model_validate(content)
    except ValidationError as error:
        raise all_faults(
            error,
            Pipeline.model_json_schema(),
            what="key",
            of=f"of the pipeline '{file}'",
            reason="PIPELINE_INVALID",
        ) from None
    base = Path.cwd() if str(path) == _STANDARD_INPUT else file.absolute().parent
    if data is not None:
        folder = Path(data).expanduser().absolute()
    else:
        folder = _resolve(pipeline.data, base, "data", file) if pipeline.data is not None else base
    dataset = pipeline.dataset
    recipe: Any = dataset.recipe
    if isinstance(recipe, str):
        recipe = _as_recipe(_resolve(recipe, base, "dataset.recipe", file))
    resolved = dataset.model_copy(
        update={
            "sources": [_resolve_text(source, folder, "dataset.sources", file) for source in dataset.sources],
            "catalogue": (
                None
                if dataset.catalogue is None
                else _resolve_text(dataset.catalogue, folder, "dataset.catalogue", file)
            ),
            "recipe": recipe,
        }
    )
    return pipeline.model_copy(update={"dataset": resolved, "data": str(folder)})


def _read(file: Path) -> dict[str, Any]:
    standard = str(file) == _STANDARD_INPUT
    if not standard and not file.exists():
        raise NotFoundError(
            f"There is no pipeline file '{file}': correct the path.", reason="PIPELINE_NOT_FOUND", path=file
        )
    try:
        text = sys.stdin.read() if standard else file.read_text(encoding="utf-8")
        content = load_yaml(text, _Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(file, f"cannot be read ({error})") from error
    except yaml.YAMLError as error:
        raise _invalid(file, f"is not YAML ({fault_of_yaml(error)})") from error
    if not isinstance(content, dict):
        raise _invalid(file, "must hold keys such as 'dataset' and 'encoder'")
    return content


def _as_recipe(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise NotFoundError(
            f"There is no recipe file '{path}': correct the path.", reason="RECIPE_NOT_FOUND", path=path
        )
    try:
        content = load_yaml(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidArgumentError(
            f"The recipe file '{path}' cannot be read ({fault_of_yaml(error)}).",
            reason="RECIPE_UNREADABLE",
            path=path,
        ) from error
    if not isinstance(content, dict):
        raise InvalidArgumentError(
            f"The recipe file '{path}' must hold keys such as 'size'.", reason="RECIPE_UNREADABLE", path=path
        )
    return content


def _resolve_text(text: str, folder: Path, key: str, file: Path) -> str:
    return text if "://" in text else str(_resolve(text, folder, key, file))


def _resolve(text: str, folder: Path, key: str, file: Path) -> Path:
    """Absolute path of a text with variables; what is relative in the text is relative to the folder."""

    def value(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        found = os.environ.get(name)
        if found:
            # A relative value was written where the command is run, not where the file lies.
            return str(Path(found).expanduser().absolute()) if match.start() == 0 else found
        if default is None:
            raise InvalidArgumentError(
                f"The pipeline '{file}' names the variable {name} in '{key}', which is not set: set it or write "
                f"${{{name}:-default}}.",
                reason="VARIABLE_MISSING",
                key=key,
                variable=name,
            )
        return str(default)

    expanded = Path(_VARIABLE.sub(value, text)).expanduser()
    return Path(os.path.normpath(folder / expanded))


def _invalid(file: Path, what: str, **metadata: object) -> InvalidArgumentError:
    return InvalidArgumentError(f"The pipeline '{file}' {what}.", reason="PIPELINE_INVALID", **metadata)

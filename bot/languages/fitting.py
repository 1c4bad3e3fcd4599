"""Finding the features of training texts. Only training imports this: scikit-learn takes seconds to import."""

from collections.abc import Sequence

from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.languages.grams import Grams
from bot.languages.tfidf import Features


def fit(grams: Grams, texts: Sequence[str], *, in_at_least: int = 1, most: int | None = None) -> tuple[Features, csr_matrix]:
    """The features of the texts, and their matrix, one row a text: those that stand in `in_at_least` texts, at most the `most`
    frequent ones."""
    vectoriser = TfidfVectorizer(analyzer=grams, sublinear_tf=True, min_df=in_at_least, max_features=most)
    matrix = vectoriser.fit_transform(texts)
    columns = {gram: int(column) for gram, column in vectoriser.vocabulary_.items()}
    return Features(grams, columns, vectoriser.idf_), matrix

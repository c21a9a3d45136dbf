"""One noun, one file, with the same name in resources and schemas."""

from config import ROOT

# Schemas that no address has of its own.
SHARED = {
    "base",
    "customer_names",
    "includes",
    "problem_language",
    "public_link",
    "reader_language",
    "recovery_log_lines",
    "redaction",
    "vocabulary_words",
}
WITHOUT_SCHEMAS = {"health"}


def nouns(package: str) -> set[str]:
    return {file.stem for file in (ROOT / "api" / package).iterdir()} - {"__init__", "__pycache__", "locales"}


def test_resources_and_schemas_have_the_same_names() -> None:
    assert nouns("resources") - WITHOUT_SCHEMAS == nouns("schemas") - SHARED

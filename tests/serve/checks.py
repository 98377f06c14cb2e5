"""What schemathesis cannot know of these protocols: in a batch a bad row is an error in its place, and a schema cannot say
that columns have one length, or which day is the last of a month."""

import schemathesis
from schemathesis import GenerationMode

# What a record can be refused for though each of its fields is of its schema.
OF_A_GOOD_RECORD = {"input.invalid_date", "input.invalid_timestamp", "input.out_of_domain"}
# What columns and tensors can be refused for besides: a schema holds neither lengths, names nor types together.
OF_GOOD_COLUMNS = OF_A_GOOD_RECORD | {
    "input.duplicate_field",
    "input.empty_batch",
    "input.missing_field",
    "input.not_finite",
    "input.not_integer",
    "input.out_of_range",
    "input.ragged_columns",
    "input.too_long",
    "input.too_many_rows",
    "input.unknown_field",
    "input.wrong_type",
    "request.invalid_shape",
    "request.unknown_output",
}
RECORDS = {"dataframe_records", "instances"}


def row_codes(body):
    """The codes of the rows that failed, in either protocol's form."""
    if not isinstance(body, dict):
        return []
    rows = [row["error"] for row in body.get("predictions", []) if "error" in row]
    return [error["code"] for error in rows + body.get("parameters", {}).get("errors", [])]


def is_json_post(case, response):
    return case.method == "POST" and response.headers.get("content-type") == ["application/json"]


@schemathesis.check
def bad_data_is_refused(ctx, response, case):
    if case.meta is None or case.meta.generation.mode != GenerationMode.NEGATIVE or not is_json_post(case, response):
        return
    # JSON is read whatever its content-type says, so that no client must say it.
    is_json = (case.headers or {}).get("content-type", case.media_type) == "application/json"
    if response.status_code == 200 and is_json:
        assert row_codes(response.json()), "data that the document does not allow is answered as if it were good"


@schemathesis.check
def good_data_is_answered(ctx, response, case):
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE or not is_json_post(case, response):
        return
    whole_records = isinstance(case.body, dict) and RECORDS & case.body.keys()
    allowed = OF_A_GOOD_RECORD if whole_records else OF_GOOD_COLUMNS
    codes = [*row_codes(response.json()), *response.headers.get("x-skewless-error", [])]
    assert set(codes) <= allowed, f"data that the document allows is refused: {codes}"

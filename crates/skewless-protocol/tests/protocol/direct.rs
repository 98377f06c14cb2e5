//! Records and lists of records without HTTP.

use serde_json::json;

use crate::bundles;

#[test]
fn a_record_for_a_record_and_a_list_for_a_list() {
    let service = bundles::regression();
    let one = service.answer(r#"{"size":3}"#);
    assert_eq!(one.outcome.unwrap(), json!({"value": 7.0, "raw": 7.0}));
    assert_eq!((one.tally.rows, one.tally.failures), (1, 0));
    let many = service.answer(r#" [{"size":3},{"size":null},{}] "#);
    assert_eq!((many.tally.rows, many.tally.failures), (3, 2));
    let body = many.outcome.unwrap();
    assert_eq!(body[0], json!({"value": 7.0, "raw": 7.0}));
    for row in [1, 2] {
        let error = &body[row]["error"];
        assert_eq!(
            (&error["code"], &error["field"], &error["row"]),
            (&json!("input.missing_field"), &json!("size"), &json!(row))
        );
    }
}

#[test]
fn what_cannot_be_answered_has_a_code() {
    let service = bundles::regression();
    for (text, code, rows) in [
        ("", "input.invalid_json", 1),
        ("{", "input.invalid_json", 1),
        ("7", "input.not_an_object", 1),
        (r#"{"size":"far"}"#, "input.wrong_type", 1),
        (r#"{"size":3,"colour":"red"}"#, "input.unknown_field", 1),
        (r#"{"size":3,"size":3}"#, "input.duplicate_field", 1),
        ("[]", "input.empty_batch", 0),
        ("[{", "input.invalid_json", 0),
    ] {
        let answer = service.answer(text);
        assert_eq!(answer.outcome.unwrap_err().code(), code, "{text}");
        assert_eq!(
            (answer.tally.rows, answer.tally.failures),
            (rows, rows),
            "{text}"
        );
    }
}

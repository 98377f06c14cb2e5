"""Clients of the serving protocols talk to `skewless serve`; each gets the numbers of `skewless predict`, to the bit."""

import json
import math
import urllib.request

import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.errors import BadRequestError, NotFoundError
from open_inference.openapi.types import InferenceRequest, InferenceResponse, MetadataModelResponse, MetadataServerResponse
from open_inference.openapi.types.inference_error_response import InferenceErrorResponse


def column(predictions, name):
    return [prediction[name] for prediction in predictions]


def get(url, body=None):
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def open_inference_request(tensors, **more):
    inputs = [
        {"name": name, "shape": [len(values)], "datatype": datatype, "data": values} for name, datatype, values in tensors
    ]
    return {"inputs": inputs, **more}


def published(model, answer, beyond=()):
    """The answer as the published schema reads it: nothing is converted on the way, nothing is left over but `beyond`."""
    read = json.loads(model.parse_obj(answer).json(exclude_none=True))
    assert {name: value for name, value in answer.items() if name not in beyond} == read
    return read


def test_answers_are_of_the_published_schema(url, tensors, predictions):
    body = json.dumps(open_inference_request(tensors, id="a")).encode()
    status, answer = get(f"{url}/v2/models/flights/infer", body)
    assert status == 200
    read = published(InferenceResponse, answer)
    assert read["id"] == "a"
    outputs = {output["name"]: output["data"] for output in read["outputs"]}
    assert outputs == {name: column(predictions, name) for name in ["label", "probability", "raw"]}
    status, server = get(f"{url}/v2")
    assert status == 200 and published(MetadataServerResponse, server)["name"] == "skewless"
    # `parameters` of the model and of its tensors are additions of this server.
    for path in ["flights", "flights/versions/1.0.0"]:
        status, model = get(f"{url}/v2/models/{path}")
        assert status == 200
        for tensor in model["outputs"]:
            tensor.pop("parameters", None)
        assert published(MetadataModelResponse, model, ["parameters"])["versions"] == ["1.0.0"]


def test_refusals_are_of_the_published_schema(url):
    for path, body, expected in [
        ("flights/infer", b"{", 400),
        ("flights/infer", b'{"inputs":[]}', 400),
        ("flights/infer", b'{"inputs":[{"name":"distance","shape":[1],"datatype":"FP64","data":["far"]}]}', 400),
        ("trains/infer", b'{"inputs":[]}', 404),
        ("trains", None, 404),
    ]:
        status, answer = get(f"{url}/v2/models/{path}", body)
        assert status == expected, path
        code = answer["parameters"]["error"]["code"]
        assert published(InferenceErrorResponse, answer, ["parameters"])["error"].startswith(f"{code}: ")


def test_the_open_inference_client(url, complete):
    tensors, predictions = complete
    client = OpenInferenceClient(base_url=url)
    client.check_server_liveness()
    client.check_server_readiness()
    client.check_model_readiness("flights")
    assert client.read_model_metadata("flights").name == "flights"
    request = InferenceRequest.parse_obj(open_inference_request(tensors))
    answer = client.model_infer("flights", request=request)
    outputs = {output.name: json.loads(output.data.json()) for output in answer.outputs}
    assert outputs["probability"] == column(predictions, "probability")
    assert outputs["label"] == column(predictions, "label")
    with pytest.raises(NotFoundError):
        client.check_model_readiness("trains")
    with pytest.raises(BadRequestError):
        client.model_infer("flights", request=InferenceRequest.parse_obj({"inputs": []}))


def test_tritonclient(address, complete):
    tensors, predictions = complete
    with triton.InferenceServerClient(address) as client:
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("flights", "1.0.0")
        assert client.get_server_metadata()["name"] == "skewless"
        metadata = client.get_model_metadata("flights")
        assert {output["name"] for output in metadata["outputs"]} == {"label", "probability", "raw"}
        inputs = []
        for name, datatype, values in tensors:
            tensor = triton.InferInput(name, [len(values)], datatype)
            array = np.array(values, dtype=np.object_ if datatype == "BYTES" else np.float64)
            tensor.set_data_from_numpy(array, binary_data=False)
            inputs.append(tensor)
        wanted = [triton.InferRequestedOutput(name, binary_data=False) for name in ["label", "raw", "probability"]]
        answer = client.infer("flights", inputs, model_version="1.0.0", outputs=wanted, request_id="7")
        assert answer.get_response()["id"] == "7"
        for name in ["raw", "probability"]:
            assert answer.as_numpy(name).tolist() == column(predictions, name)
        assert answer.as_numpy("label").tolist() == column(predictions, "label")
        with pytest.raises(triton.InferenceServerException, match="request.unsupported_media_type"):
            inputs[0].set_data_from_numpy(np.array(tensors[0][2], dtype=np.object_), binary_data=True)
            client.infer("flights", inputs, outputs=wanted)


def test_mlflows_scoring_client(address, records, predictions):
    host, port = address.split(":")
    client = ScoringServerClient(host, port)
    client.wait_server_ready(timeout=30)
    answer = client.invoke(pd.DataFrame(records))
    assert answer["predictions"] == predictions
    frame = answer.get_predictions()
    for name in ["probability", "raw"]:
        assert all(math.isclose(a, b, rel_tol=0) for a, b in zip(frame[name], column(predictions, name), strict=True))

"""A FastAPI server as its users write one: pydantic checks the records, ONNX Runtime answers. Folder and port by arguments."""

import sys

import uvicorn
from fastapi import FastAPI
from peer_model import Model
from pydantic import BaseModel

model = Model(sys.argv[1])
app = FastAPI()


class Record(BaseModel):
    scheduled_departure: str
    scheduled_arrival: str
    carrier: str
    origin: str
    dest: str
    tailnum: str | None = None
    distance: float
    temp: float | None = None
    dewp: float | None = None
    humid: float | None = None
    wind_dir: float | None = None
    wind_speed: float | None = None
    wind_gust: float | None = None
    precip: float | None = None
    pressure: float | None = None
    visib: float | None = None


class Request(BaseModel):
    dataframe_records: list[Record]


class Prediction(BaseModel):
    label: str
    probability: float


class Response(BaseModel):
    predictions: list[Prediction]


@app.get("/ping")
async def ping():
    return {}


@app.post("/invocations")
async def invocations(request: Request) -> Response:
    return Response(predictions=model.predict([record.model_dump() for record in request.dataframe_records]))


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), workers=1, access_log=False, log_level="warning")

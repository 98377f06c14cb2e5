"""MLflow's own scoring server around the same model. Folder and port by arguments."""

import sys
import tempfile

import mlflow.pyfunc
import uvicorn
from mlflow.pyfunc import scoring_server
from peer_model import Model


class Flights(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.model = Model(context.artifacts["folder"])

    def predict(self, context, model_input, params=None):
        return self.model.predict(model_input.to_dict("records"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        mlflow.pyfunc.save_model(f"{folder}/model", python_model=Flights(), artifacts={"folder": sys.argv[1]}, pip_requirements=[])
        app = scoring_server.init(mlflow.pyfunc.load_model(f"{folder}/model"))
        uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), workers=1, access_log=False, log_level="warning")

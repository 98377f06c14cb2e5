"""Deploys the function by `cargo lambda deploy` to moto's AWS on this machine, reads it back by boto3, and compares it with
what `package.metadata.lambda.deploy` of lambda/Cargo.toml says. Run by `cargo xtask test`:

    python tests/lambda/deploy/deployed.py CARGO_LAMBDA BOOTSTRAP
"""

import base64
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests"))

from aws import stand_in  # noqa: E402

NAME = "flights"
BUCKET = "code"
KEY = "flights.zip"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


def main(cargo_lambda: str, bootstrap: str) -> None:
    with stand_in() as url:
        client("s3", url).create_bucket(Bucket=BUCKET)
        with tempfile.TemporaryDirectory() as home:
            deploy(cargo_lambda, bootstrap, url, home)
            check(url, Path(bootstrap), 1)
            # The same again is an update of the one that is there.
            deploy(cargo_lambda, bootstrap, url, home)
            check(url, Path(bootstrap), 1)


def deploy(cargo_lambda: str, bootstrap: str, url: str, home: str) -> None:
    role = role_at(url)
    command = [cargo_lambda, "lambda", "deploy", "--endpoint-url", url, "--role", role]
    # The settings are found by the program's name, as in the README; `--binary-path` would leave them out.
    place = Path(home, "built/bootstrap")
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy2(bootstrap, place / "bootstrap")
    command += ["--lambda-dir", str(place.parent), "--binary-name", "bootstrap"]
    # By way of a bucket, from which the archive can be read back.
    command += ["--s3-bucket", BUCKET, "--s3-key", KEY, NAME]
    # No configuration of this machine's user takes part.
    own = {"AWS_CONFIG_FILE": f"{home}/config", "AWS_SHARED_CREDENTIALS_FILE": f"{home}/credentials", "AWS_EC2_METADATA_DISABLED": "true"}
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, **CREDENTIALS, **own}, capture_output=True, text=True)
    if ended.returncode != 0:
        raise SystemExit(f"cargo lambda deploy ended with {ended.returncode}\n{ended.stdout}{ended.stderr}")
    print("  deployed:", ended.stdout.split("arn: ")[-1].split()[0])


def role_at(url: str) -> str:
    iam = client("iam", url)
    try:
        return iam.get_role(RoleName=NAME)["Role"]["Arn"]
    except iam.exceptions.NoSuchEntityException:
        return iam.create_role(RoleName=NAME, AssumeRolePolicyDocument="{}")["Role"]["Arn"]


def check(url: str, bootstrap: Path, functions: int) -> None:
    written = tomllib.loads((ROOT / "lambda/Cargo.toml").read_text())["package"]["metadata"]["lambda"]["deploy"]
    service = client("lambda", url)
    listed = service.list_functions()["Functions"]
    equal("functions", len(listed), functions)
    found = service.get_function(FunctionName=NAME)
    configuration = found["Configuration"]
    equal("runtime", configuration["Runtime"], "provided.al2023")
    equal("handler", configuration["Handler"], "bootstrap")
    equal("package", configuration["PackageType"], "Zip")
    equal("architecture", configuration["Architectures"], [architecture(bootstrap)])
    equal("memory", configuration["MemorySize"], written["memory"])
    equal("timeout", configuration["Timeout"], written["timeout"])
    equal("environment", configuration["Environment"]["Variables"], written["env"])
    equal("role", configuration["Role"], role_at(url))
    equal("tags", {key: found["Tags"].get(key) for key in written["tags"]}, written["tags"])
    code = uploaded(url)
    equal("size", configuration["CodeSize"], len(code))
    equal("sha256", configuration["CodeSha256"], base64.b64encode(hashlib.sha256(code).digest()).decode())
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        equal("files", sorted(archive.namelist()), sorted(["bootstrap", *written["include"]]))
        equal("program", archive.read("bootstrap"), bootstrap.read_bytes())
        executable = archive.getinfo("bootstrap").external_attr >> 16 & 0o111
        equal("executable", executable, 0o111)
        for path in written["include"]:
            equal(path, archive.read(path), (ROOT / path).read_bytes())


def uploaded(url: str) -> bytes:
    """The archive, as `cargo lambda deploy` put it into the bucket."""
    return client("s3", url).get_object(Bucket=BUCKET, Key=KEY)["Body"].read()


def architecture(program: Path) -> str:
    """What the program's ELF header says it runs on."""
    machine = int.from_bytes(program.read_bytes()[18:20], "little")
    return {62: "x86_64", 183: "arm64"}[machine]


def equal(what: str, found, due) -> None:
    if found != due:
        shown = [value if not isinstance(value, bytes) else f"{len(value)} bytes" for value in (found, due)]
        raise SystemExit(f"{what} is {shown[0]}, and {shown[1]} is due")


def client(service: str, url: str):
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


main(*sys.argv[1:])

"""Tiny wheels with the names, versions, requirements and tags of real ones, as far as mistakes are made with them."""

from __future__ import annotations

from local_index import make_wheel

_GPU = 120 << 20
WHEELS = """
azureml-inference-server-http 1.4.0 pydantic~=2.11.0 flask>=3 werkzeug>=3 gunicorn>=22
azureml-inference-server-http 1.5.1 pydantic~=2.12.0 flask>=3 werkzeug>=3 gunicorn>=23 opentelemetry-sdk==1.33.0
flask 2.2.5 werkzeug>=2.2
flask 3.1.3 werkzeug>=3.1
werkzeug 2.3.8
werkzeug 3.1.3
gunicorn 20.1.0
gunicorn 23.0.0
gunicorn 27.0.1
pydantic 1.10.26
pydantic 2.11.9
pydantic 2.12.5
opentelemetry-sdk 1.33.0 opentelemetry-api==1.33.0
opentelemetry-sdk 1.44.0 opentelemetry-api==1.44.0
opentelemetry-api 1.33.0
opentelemetry-api 1.44.0
fastapi 0.99.1 pydantic<3 starlette<0.28
fastapi 0.125.0 pydantic<3 starlette<0.51
fastapi 0.163.0 pydantic>=2.9 starlette>=1 opentelemetry-api>=1.44
starlette 0.27.0
starlette 0.50.0
starlette 1.0.0
uvicorn 0.54.0
numpy 1.23.5
numpy 1.26.4
numpy 2.3.5
pandas 1.5.3 numpy>=1.21
pandas 2.3.3 numpy>=1.23
scikit-learn 1.0.2 cp37,cp38,cp39,cp310 numpy>=1.14
scikit-learn 1.1.3 cp39,cp310,cp311 numpy>=1.17
scikit-learn 1.5.2 cp39,cp310,cp311,cp312 numpy>=1.19
scikit-learn 1.9.1 cp311,cp312,cp313 numpy>=1.24
scipy 1.16.3 cp311,cp312,cp313 numpy>=1.25
joblib 1.5.2
pyyaml 6.0.3
nltk 3.9.2
mlflow-skinny 2.19.0
mlflow 2.19.0 mlflow-skinny==2.19.0
requests 2.32.5
pillow 12.0.0
opencv-python-headless 4.12.0.88 numpy<2.3,>=2
nvidia-pytriton 0.7.0 numpy<2
torch 2.2.2 cp39,cp310,cp311,cp312
torch 2.9.1 nvidia-cudnn-cu13==9.1 nvidia-cublas==13.0
tensorflow 2.15.1 cp39,cp310,cp311 numpy<2,>=1.23.5 keras<2.16,>=2.15
tensorflow 2.21.0 cp311,cp312,cp313 numpy>=1.26
keras 2.15.0
mlserver 1.7.1 fastapi<=0.115.99 pydantic<3,>=2.7 protobuf<7,>=5
mlserver-sklearn 1.7.1 mlserver scikit-learn
protobuf 5.29.5
protobuf 7.0.0
transformers 4.57.1 tokenizers<0.23 numpy
tokenizers 0.22.1
xgboost 3.1.1 numpy scipy
newpython 2.0 >=3.12
oldpython 1.0 <3.9
circle-a 1.0 circle-b==1.0
circle-b 1.0 circle-a==2.0
circle-b 2.0
orphan 1.0 never-published>=1
windows-only 1.0 win
mac-only 1.0 mac
newglibc 1.0 glibc
musl-only 1.0 musl
fairseq-like 0.12.2 omegaconf-like==2.0.6
omegaconf-like 2.3.0
""".strip().splitlines()

MODULES = {"scikit-learn": "sklearn", "pyyaml": "yaml", "pillow": "PIL", "opencv-python-headless": "cv2"}
_PLATFORMS = {"win": "win_amd64", "mac": "macosx_11_0_arm64", "glibc": "manylinux_2_41_x86_64"}


def make(folder):
    """Fill a folder with them."""
    for line in WHEELS:
        name, version, *words = line.split()
        tags = ["py3-none-any"]
        options = {}
        requires = []
        for word in words:
            if word.startswith("cp"):
                tags = [f"{one}-{one}-manylinux_2_17_x86_64.manylinux2014_x86_64" for one in word.split(",")]
            elif word in _PLATFORMS:
                tags = [f"cp311-cp311-{_PLATFORMS[word]}"]
            elif word == "musl":
                tags = ["cp311-cp311-musllinux_1_2_x86_64"]
            elif word[0] in "<>":
                options["python"] = word
            else:
                requires.append(word)
        for tag in tags:
            make_wheel(folder, name, version, requires=requires, tag=tag, **options)
    for name in ("nvidia-cudnn-cu13", "nvidia-cublas"):
        version = "9.1" if "cudnn" in name else "13.0"
        make_wheel(folder, name, version, tag="py3-none-manylinux_2_27_x86_64", payload=bytes(_GPU >> 1))

"""Takes a picture as it is and gives its size; imports what the example's own script does."""

import io

from azureml.contrib.services.aml_request import rawhttp
from PIL import Image


def init():
    pass


@rawhttp
def run(request):
    return {"size": Image.open(io.BytesIO(request.get_data())).size} if request.method == "POST" else {}

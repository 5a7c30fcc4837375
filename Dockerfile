# TensorFlow 1.15.5 with CUDA 10.0 on Ubuntu 18.04, Python 3.6: for GPUs of compute capability
# 3.5 to 7.5. For newer ones (8.0 to 9.0; driver 530 or later):
#   docker build --build-arg BASE=nvcr.io/nvidia/tensorflow:23.03-tf1-py3 -t tf1gan .
# TensorFlow 2 in graph mode, with its CUDA wheels, in place of both (GPUs of 6.0 to 9.0):
#   docker build --build-arg BASE=python:3.12-slim --build-arg LOCK=tf2-gpu.lock -t tf1gan .
ARG BASE=tensorflow/tensorflow:1.15.5-gpu-py3
# hadolint ignore=DL3006
FROM ${BASE}

# No home folder is needed, so that `docker run -u` works with any user.
ENV MPLBACKEND=Agg \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 \
    TF_CPP_MIN_LOG_LEVEL=2

WORKDIR /app

# TensorFlow and NumPy are the image's: installing TensorFlow here would remove GPU support.
# Not so with tf2-gpu.lock, which has both.
ARG LOCK=docker.lock
COPY requirements/${LOCK} requirements/
RUN PIP_CONSTRAINT='' python -m pip install --no-cache-dir --no-deps --require-hashes \
        --only-binary=:all: -r requirements/${LOCK} \
    && python -c "import matplotlib.pyplot, tqdm" \
    && chmod -R a+rwX /tmp/matplotlib \
    && mkdir runs && chmod a+rwx runs

COPY README.md LICENSE ./
COPY tf1gan tf1gan

# Last, so that a new commit rebuilds nothing above: --build-arg COMMIT=$(git rev-parse HEAD)
ARG COMMIT=
ENV TF1GAN_COMMIT=${COMMIT}

# Not root; a number, for no user needs a name here. Any other will do (docker run -u).
USER 1000:1000
CMD ["python", "-m", "tf1gan.vanilla"]

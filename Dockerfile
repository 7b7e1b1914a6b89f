# syntax=docker/dockerfile:1
# The syncer, for one tenant. Two stages: the first one installs, with hashes checked; the second one has no installer in it.

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /opt/kled
WORKDIR /src
# The dependencies change less often than we do, so they have a layer of their own. Wheels only: nothing foreign runs while it is installed.
COPY requirements.lock ./
RUN pip --python /opt/kled/bin/python install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml ./
COPY config config
COPY syncer syncer
COPY translators translators
RUN pip --python /opt/kled/bin/python install --no-deps . \
    && /opt/kled/bin/kled-syncer --version

FROM python:${PYTHON}-slim
# Nothing can be installed at run time, also by nobody who gets in.
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* /usr/local/bin/wheel
COPY --from=build /opt/kled /opt/kled
# Bytecode was compiled at installation and the root file system may be read-only. One or two malloc arenas instead of eight per core, and blocks
# of the size of a read buffer are kept instead of being mapped anew each time.
ENV PATH=/opt/kled/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONNOUSERSITE=1 \
    PYTHONSAFEPATH=1 \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=8388608 \
    MALLOC_TRIM_THRESHOLD_=33554432
LABEL org.opencontainers.image.title="kled-syncer" \
      org.opencontainers.image.description="Makes one tenant's Kubernetes objects real on a host cluster"
WORKDIR /
USER 65532:65532
ENTRYPOINT ["kled-syncer"]
CMD ["run"]

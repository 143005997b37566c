# One image for everything that loadkit does without servers of its own: the master of a load, its
# workers, and the reference cost service.
#
#   docker build -t loadkit:0.1.0 .
FROM python:3.12.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/loadkit
WORKDIR /src
# What is pinned changes seldom, so it has a layer of its own.
COPY requirements.lock ./
RUN /opt/loadkit/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY notebooks notebooks
COPY loadkit loadkit
# No build isolation: what builds it is in the lock too.
RUN /opt/loadkit/bin/pip install --no-deps --no-build-isolation .

FROM python:3.12.12-slim-bookworm
ENV PATH=/opt/loadkit/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
COPY --from=build /opt/loadkit /opt/loadkit
RUN install --directory --owner=10001 --group=10001 /work /work/reports
WORKDIR /work
USER 10001:10001
CMD ["loadkit", "--help"]

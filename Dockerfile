# Build: docker build -t npsync .      Run: docker run -v "$PWD:/config" -v npsync:/data npsync serve
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/npsync
COPY requirements.lock ./
RUN /opt/npsync/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY pyproject.toml README.md LICENSE CHANGELOG.md config.example.yaml ./
COPY nps nps
COPY connectors connectors
COPY mapping mapping
COPY store store
COPY sync sync
COPY triggers triggers
COPY sandbox sandbox
COPY examples examples
COPY npsync npsync
RUN /opt/npsync/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /data npsync
COPY --from=build /opt/npsync /opt/npsync
ENV PATH=/opt/npsync/bin:$PATH PYTHONUNBUFFERED=1 NPSYNC_CONFIG=/config/npsync.yaml
USER npsync
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["npsync"]
CMD ["serve"]

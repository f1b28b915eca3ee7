# Build: docker build -t npsync .
# Run:   docker run -p 127.0.0.1:8642:8642 -v "$PWD:/config:ro" -v npsync:/data --env-file npsync.env npsync
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
EXPOSE 8642
STOPSIGNAL SIGTERM
# A run that is stopped hands back what it has not begun; what is on its way to a vendor is waited for.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["npsync", "health"]
ENTRYPOINT ["npsync"]
CMD ["serve", "--listen", "0.0.0.0:8642", "--json"]

# One image for every role; the command chooses (see docker-compose.yml): web, worker, beat, migrate.
FROM python:3.12-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r requirements.txt

FROM python:3.12-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    CELERY_SKIP_CHECKS=true \
    DJANGO_SETTINGS_MODULE=cdp.settings \
    CDP_DATA_DIR=/data \
    CDP_HOST=0.0.0.0 \
    CDP_STATIC_ROOT=/app/collected
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin cdp \
    && install -d -o cdp -g cdp /data
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
# Hashed names and gzip for static files. No database is touched and no secret is needed for this.
RUN python manage.py collectstatic --noinput -v 0
USER cdp
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["python", "-m", "cdp.runner.role"]
CMD ["web"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-m", "cdp.runner.probe", "web"]
